SELECT
    account, ticket_id, created_at, requester_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id,
    type, form_id, deleted, merged, csat, ifNull(csat_at <= toDateTime({as_of:UInt32}, 'UTC'), 0) AS rated, replies, public_agent_comments,
    ifNull(csat_at > toDateTime({as_of:UInt32}, 'UTC'), 0) AS rating_is_later, _partition_id AS month
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
