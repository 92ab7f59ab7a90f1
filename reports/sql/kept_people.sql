-- The users of people who have a value in some of the customer's own fields, with the newest source of each.
SELECT user_ids, if(empty(source_ids), '', source_ids[-1]) AS source_id
FROM people FINAL
WHERE account = {account:String} AND custom != '{}' AND arrayExists(k -> JSONHas(custom, k), {keys:Array(String)})
ORDER BY person_id
