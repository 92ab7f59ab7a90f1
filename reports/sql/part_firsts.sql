SELECT (/*of*/user_id) AS user, assumeNotNull(first_ticket_at) AS own_first
FROM person_stats FINAL
WHERE account IN {accounts:Array(String)} AND first_ticket_at IS NOT NULL
    AND (first_ticket_at >= toDateTime({from:UInt32}, 'UTC') OR user_id IN (/*users_of_merged*/))
UNION ALL
SELECT (/*of*/requester_id) AS user, min(created_at) AS own_first
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND created_at <= toDateTime({as_of:UInt32}, 'UTC') AND deleted = 0
    AND requester_id IN
    (
        SELECT user_id
        FROM person_stats FINAL
        WHERE account IN {accounts:Array(String)} AND first_ticket_at IS NULL AND tickets_total > 0
    )
GROUP BY user
