-- Activities of users as a filter looks at them, newest first.
SELECT
    activity, occurred_at, ticket_id, organization_id, assignee_id, group_id, brand_id, channel, priority, type, status, previous_status, subject,
    message, tags, attributes
FROM activities FINAL
WHERE account IN {accounts:Array(String)} AND user_id IN {users:Array(Int64)} AND expires_at > toDateTime({now:UInt32}, 'UTC')
ORDER BY occurred_at DESC
LIMIT {limit:UInt32}
