-- A person's tickets of the last days.
SELECT countIf(created_at >= toDateTime({since:UInt32}, 'UTC')) AS created, countIf(last_solved_at >= toDateTime({since:UInt32}, 'UTC') AND status IN ('solved', 'closed')) AS closed
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND requester_id IN {users:Array(Int64)} AND deleted = 0
