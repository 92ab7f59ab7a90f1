-- Tickets of users in the last days.
SELECT
    account, requester_id AS user_id, countIf(created_at >= toDateTime({since:UInt32}, 'UTC')) AS created,
    countIf(last_solved_at >= toDateTime({since:UInt32}, 'UTC') AND status IN ('solved', 'closed')) AS closed
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND requester_id IN {users:Array(Int64)} AND deleted = 0
GROUP BY account, requester_id
