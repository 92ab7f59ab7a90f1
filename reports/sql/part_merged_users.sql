SELECT (/*of*/arrayJoin(user_ids)) AS user, (/*of*/user_ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM people FINAL
WHERE account IN {accounts:Array(String)} AND length(user_ids) > 1
