SELECT (/*of*/user_id) AS user, ifNull(first_ticket_at, toDateTime(0, 'UTC')) AS own_first, first_ticket_at IS NULL AS own_unknown
FROM person_stats FINAL
WHERE account IN {accounts:Array(String)}
    AND (first_ticket_at >= toDateTime({from:UInt32}, 'UTC') OR if(first_ticket_at IS NULL, tickets_total > 0, user_id IN (/*users_of_merged*/)))
