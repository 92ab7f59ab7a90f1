-- Tickets as they are now, for what activities of theirs do not have. A ticket whose time of creation changed has one row for a moment too many.
SELECT
    account, ticket_id, created_at, updated_at, description, submitter_id, external_id, url, custom_fields, toString(csat) AS csat,
    custom_status_id, is_public, due_at
FROM tickets FINAL
PREWHERE account IN {accounts:Array(String)} AND ticket_id IN {tickets:Array(Int64)}
ORDER BY created_at
