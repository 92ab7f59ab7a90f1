-- One ticket with all its facts.
SELECT
    account, ticket_id, source_id, created_at, updated_at, subject, status, status_since, priority, type, channel, tags, requester_id, submitter_id,
    assignee_id, group_id, brand_id, organization_id, form_id, deleted, merged, merged_into, history_full, provisional, replies,
    public_agent_comments, reopens, solves, assignee_stations, unique_assignees, group_stations, reassignments, handoffs, first_reply_at,
    first_reply_s, first_reply_business_s, first_solved_at, last_solved_at, closed_at, first_resolution_s, first_resolution_business_s,
    full_resolution_s, full_resolution_business_s, first_assigned_at, first_assigned_s, first_assigned_business_s, next_reply_s, next_reply_pending, new_s, open_s, pending_s,
    hold_s, new_business_s, open_business_s, pending_business_s, hold_business_s, status_changes, csat, csat_agent_id, csat_group_id, csat_at, csat_comment
FROM tickets FINAL
PREWHERE account IN {accounts:Array(String)} AND ticket_id = {id:Int64}
ORDER BY created_at DESC
LIMIT 1
SETTINGS max_threads = 1
