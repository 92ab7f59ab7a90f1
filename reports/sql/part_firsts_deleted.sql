SELECT (/*of*/requester_id) AS user, min(created_at) AS own_first
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
    AND requester_id IN
    (
        SELECT requester_id
        FROM tickets
        WHERE account IN {accounts:Array(String)} AND requester_id != 0
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        UNION ALL
        SELECT arrayJoin(user_ids)
        FROM people
        WHERE account IN {accounts:Array(String)} AND length(user_ids) > 1
    )
GROUP BY user
