-- A user of each of the people of some organizations.
SELECT DISTINCT user_ids[1] AS user_id
FROM people
WHERE account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)} AND notEmpty(user_ids)
