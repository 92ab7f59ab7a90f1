-- Activities of some kinds of users, as filters look at them.
SELECT
    toString(account) AS account, user_id, activity, occurred_at, ticket_id, organization_id, assignee_id, group_id, brand_id, channel, priority, type, status,
    previous_status, subject, message, tags, attributes
FROM activities FINAL
WHERE account IN {accounts:Array(String)} AND activity IN {kinds:Array(String)} AND user_id IN {users:Array(Int64)}
    AND expires_at > toDateTime({now:UInt32}, 'UTC') AND occurred_at >= toDateTime({since:UInt32}, 'UTC')
