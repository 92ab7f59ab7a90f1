-- Tickets by the time of their creation (M1).
WITH status AS current_status
SELECT
    {{.Bucket "created_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    count() AS tickets
FROM tickets FINAL
WHERE {{.Accounts}}
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
    AND {{.Counted}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
