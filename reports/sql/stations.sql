-- Assignees and groups that tickets went through, and agents who wrote in them, by the time of the ticket's creation (M19, M20, M31).
SELECT
    {{.Bucket "created_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    sum({{if .Live}}assignee_stations{{else}}toInt64(assigned){{end}}) AS assignee_stations,
    sum({{if .Live}}group_stations{{else}}toInt64(grouped){{end}}) AS group_stations,
    sum({{if .Live}}handoffs{{else}}toInt64(authors){{end}}) AS handoffs
FROM
(
    SELECT *, status AS current_status
    FROM tickets FINAL
    WHERE {{.Accounts}}
        AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
        AND {{.Counted}}
) AS t
{{if not .Live}}LEFT ANY JOIN
(
    SELECT account, ticket_id, countIf(kind = 'assign' AND assignee_id != 0) AS assigned, countIf(kind = 'group' AND group_id != 0) AS grouped
    FROM ticket_events FINAL
    WHERE {{.Accounts}} AND kind IN ('assign', 'group') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    GROUP BY account, ticket_id
) AS s USING (account, ticket_id)
LEFT ANY JOIN
(
    SELECT account, ticket_id, uniqExact(author_id) AS authors
    FROM messages FINAL
    WHERE {{.Accounts}} AND author_role = 'agent' AND at <= toDateTime({as_of:UInt32}, 'UTC')
    GROUP BY account, ticket_id
) AS m USING (account, ticket_id){{end}}
WHERE 1 {{.Filters}}
GROUP BY bucket{{.AndBy}}
