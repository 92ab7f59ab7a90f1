-- How many users there are.
SELECT sum(length(user_ids)) AS users
FROM people FINAL
WHERE account IN {accounts:Array(String)}
