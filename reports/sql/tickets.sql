-- Tickets as they are at as_of (M25).
SELECT
    {{.Bucket "created_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    countIf({{.Kept}}) AS tickets,
    countIf({{.Kept}} AND current_status IN ('new', 'open', 'pending', 'hold')) AS unsolved,
    countIf({{.Kept}} AND current_status IN ('solved', 'closed')) AS solved,
    countIf({{.Kept}} AND {{if .Live}}rated AND csat{{else}}score{{end}} = 'good') AS good,
    countIf({{.Kept}} AND {{if .Live}}rated AND csat{{else}}score{{end}} = 'bad') AS bad,
    countIf(t.deleted != 0) AS deleted,
    countIf({{.Kept}} AND t.merged != 0) AS merged,
    countIf({{.Kept}} AND current_status IN ('new', 'open', 'pending', 'hold') AND assignee_id = 0) AS unassigned_unsolved,
    countIf({{.Kept}} AND replies = 0) AS unreplied,
    countIf({{if .Live}}rating_is_later{{else}}0{{end}}) AS rated_later
FROM ({{template "part_tickets.sql" .}}) AS t
{{if not .Live}}LEFT ANY JOIN
(
    SELECT account, ticket_id, score
    FROM ticket_events FINAL
    WHERE {{.Accounts}} AND kind = 'rating' AND at <= toDateTime({as_of:UInt32}, 'UTC') AND until > toDateTime({as_of:UInt32}, 'UTC')
) AS c USING (account, ticket_id){{end}}
WHERE created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND (t.merged = 0 OR {exclude_merged:UInt8} = 0)
    {{if .Months}}AND month IN {months:Array(String)}{{end}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
