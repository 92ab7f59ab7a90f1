-- Seconds of each answered next reply, by the time of the ticket's creation (M9).
SELECT
    bucket,
    {{.Keys}} AS keys,
    {{template "part_duration_figures.sql" .}}
FROM
(
    SELECT {{.Bucket "created_at"}} AS bucket, {{.By}}answered AS seconds
    FROM
    (
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE {{.Accounts}}
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
            AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
            AND {{.Counted}}
    ) AS t
    INNER JOIN
    (
        SELECT account, ticket_id, if(toUnixTimestamp(at) + seconds <= {as_of:UInt32}, {{if .Business}}business_seconds{{else}}seconds{{end}}, NULL) AS answered
        FROM ticket_events FINAL
        WHERE {{.Accounts}} AND kind = 'next' AND at <= toDateTime({as_of:UInt32}, 'UTC')
    ) AS n USING (account, ticket_id)
    WHERE 1 {{.Filters}}
)
GROUP BY bucket{{.AndBy}}
