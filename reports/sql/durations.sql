-- A duration of each ticket, by the time of the ticket's creation (M7, M14a, M31). A duration whose end lies after as_of is not known yet.
WITH status AS current_status, if({{.Lasting.End}} <= toDateTime({as_of:UInt32}, 'UTC'), {{if .Business}}{{.Lasting.Business}}{{else}}{{.Lasting.Calendar}}{{end}}, NULL) AS seconds
SELECT
    {{.Bucket "created_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    {{template "part_duration_figures.sql" .}}
FROM tickets FINAL
WHERE {{.Accounts}}
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
    AND {{.Counted}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
