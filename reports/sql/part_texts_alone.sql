SELECT
    {{if .Several}}(account, ticket_id){{else}}ticket_id{{end}} AS ticket, message_id, times, if({by_ticket:UInt8} = 1 OR message_id = 0, ticket_created_at, at) AS date
FROM
(
    {{template "part_found.sql" .}}
)
WHERE 1 {{template "part_gone.sql" .}}
{{if not .Saved}}UNION ALL
SELECT {{if .Several}}(t.account, t.ticket_id){{else}}t.ticket_id{{end}} AS ticket, toInt64(0) AS message_id, toUInt64(0) AS times, t.created_at AS date
{{template "part_subjects_found.sql" .}}{{end}}
