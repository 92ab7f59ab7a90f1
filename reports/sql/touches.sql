-- Solved or closed tickets by how many public replies they took, by the time of their creation (M15, M16).
SELECT
    {{.Bucket "created_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    countIf(replies < 2) AS one_touch,
    countIf(replies = 2) AS two_touch,
    countIf(replies > 2) AS multi_touch,
    countIf(public_agent_comments = 1) AS one_touch_strict
FROM ({{template "part_tickets.sql" .}}) AS t
WHERE current_status IN ('solved', 'closed')
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND {{.Counted}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
