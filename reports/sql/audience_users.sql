-- How many users there are.
SELECT sum(length(user_ids)) AS users
FROM people
WHERE account IN {accounts:Array(String)}
