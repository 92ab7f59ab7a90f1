SELECT
    account, ticket_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id, type, form_id, deleted, merged,
    assumeNotNull(last_solved_at) AS solved_at
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND created_at <= toDateTime({as_of:UInt32}, 'UTC') AND status IN ('solved', 'closed')
    AND last_solved_at >= toDateTime({from:UInt32}, 'UTC') AND last_solved_at <= toDateTime({as_of:UInt32}, 'UTC')
