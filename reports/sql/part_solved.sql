{{if .Live -}}
SELECT
    account, ticket_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id, type, form_id, deleted, merged,
    assumeNotNull(last_solved_at) AS solved_at
FROM tickets FINAL
WHERE {{.Accounts}} AND created_at <= toDateTime({as_of:UInt32}, 'UTC') AND status IN ('solved', 'closed')
    AND last_solved_at >= toDateTime({from:UInt32}, 'UTC') AND last_solved_at <= toDateTime({as_of:UInt32}, 'UTC')
{{- else -}}
SELECT *
FROM ({{template "part_tickets.sql" .}}) AS t
INNER JOIN ({{template "part_last_solves.sql" .}}) AS s USING (account, ticket_id)
{{- end}}
