SELECT
    t.*, t.status AS current_status, {{if .Several}}(t.account, t.ticket_id){{else}}t.ticket_id{{end}} AS ticket, m.message_id AS message_id, m.times AS times,
    if({by_ticket:UInt8} = 1 OR m.message_id = 0, t.created_at, m.at) AS date
FROM
(
    SELECT *
    FROM tickets FINAL
    PREWHERE ticket_id IN
    (
        SELECT ticket_id
        FROM {{if .Saved}}phrase_hits{{else}}messages{{end}}
        WHERE {{.Accounts}} AND {{if .Saved}}hasAny(phrase_ids, {phrase_ids:Array(String)}){{else}}hasAnyTokens(tokens, {{.Anchors}}){{end}}
            {{template "part_within.sql" .}}
    )
    WHERE {{.Accounts}} AND {{.Counted}}
        AND ({by_ticket:UInt8} = 0 OR created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC'))
) AS t
INNER JOIN
(
    {{template "part_found.sql" .}}
) AS m ON m.account = t.account AND m.ticket_id = t.ticket_id
{{if not .Saved}}UNION ALL
SELECT
    t.*, t.status AS current_status, {{if .Several}}(t.account, t.ticket_id){{else}}t.ticket_id{{end}} AS ticket, toInt64(0) AS message_id, toUInt64(0) AS times,
    t.created_at AS date
{{template "part_subjects_found.sql" .}}{{end}}
