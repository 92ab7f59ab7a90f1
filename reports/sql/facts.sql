-- One ticket with all its facts, and the seconds of its next replies, null while unanswered.
SELECT
    account, ticket_id, source_id, created_at, updated_at, subject, subject_tokens, description, status, status_since, priority,
    type, channel, tags, requester_id, submitter_id, assignee_id, group_id, brand_id, organization_id, form_id, external_id, url,
    custom_fields, deleted, merged, merged_into, history_full, provisional, replies, public_agent_comments, reopens, solves,
    assignee_stations, unique_assignees, group_stations, reassignments, handoffs, first_reply_at, first_reply_s,
    first_reply_business_s, first_solved_at, last_solved_at, closed_at, first_resolution_s, first_resolution_business_s,
    full_resolution_s, full_resolution_business_s, first_assigned_at, first_assigned_s, next_reply_s, new_s, open_s, pending_s,
    hold_s, status_changes, csat, csat_agent_id, csat_group_id, csat_at, csat_comment,
    (
        SELECT arrayMap(x -> x.3, arraySort(groupArray((toUnixTimestamp(at), event_id, seconds))))
        FROM ticket_events FINAL
        WHERE account IN {accounts:Array(String)} AND kind = 'next' AND ticket_id = {id:Int64}
    ) AS next_seconds
FROM tickets FINAL
WHERE account IN {accounts:Array(String)} AND ticket_id = {id:Int64}
ORDER BY created_at DESC
LIMIT 1
