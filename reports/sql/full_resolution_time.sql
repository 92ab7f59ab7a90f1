-- Seconds from creation to the last solve of tickets that are solved or closed, by the time of the ticket's creation (M14b).
SELECT
    bucket,
    {{.Keys}} AS keys,
    {{template "part_duration_figures.sql" .}}
FROM
(
    SELECT {{.Bucket "created_at"}} AS bucket, {{.By}}
        {{- if .Live}}{{if .Business}}full_resolution_business_s{{else}}full_resolution_s{{end}}
        {{- else if .Business}}if(done = 1, solved_business_s, NULL)
        {{- else}}if(done = 1, toInt64(dateDiff('second', created_at, solved_at)), NULL){{end}} AS seconds
    FROM
    (
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE {{.Accounts}}
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
            AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
            AND {{.Counted}}
    ) AS t
    {{if not .Live}}LEFT ANY JOIN ({{template "part_last_solves.sql" .}}) AS s USING (account, ticket_id){{end}}
    WHERE 1 {{.Filters}}
)
GROUP BY bucket{{.AndBy}}
