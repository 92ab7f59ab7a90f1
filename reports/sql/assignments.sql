-- Assignments by the time of the change and who became the assignee, and tickets by who holds them at as_of (M17, M18). What is held
-- at as_of belongs to no bucket.
SELECT
    bucket,
    {{.Keys}} AS keys,
    countIf(what = 'assign') AS assignments,
    if({bucketed:UInt8} = 1, NULL, countIf(what = 'held')) AS assigned_now,
    if({bucketed:UInt8} = 1, NULL, countIf(what = 'held' AND unsolved)) AS assigned_unsolved_now,
    countIf(reassigned) AS reassignments,
    uniqExactIf(ticket, reassigned) AS reassigned_tickets
FROM
(
    SELECT
        {{.Bucket "at"}} AS bucket, {{.By}}'assign' AS what,
        (account, ticket_id) AS ticket, previous_id != 0 AND previous_id != assignee_id AS reassigned, 0 AS unsolved
    FROM ticket_events AS e FINAL {{template "part_current.sql" .}}
    WHERE {{.Accounts}} AND kind = 'assign' AND assignee_id != 0
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
        AND {{.Counted}}
        {{.Filters}}
    UNION ALL
    SELECT
        {from:UInt32} AS bucket, {{.By}}'held' AS what,
        (account, ticket_id) AS ticket, 0 AS reassigned, current_status IN ('new', 'open', 'pending', 'hold') AS unsolved
    FROM ({{template "part_tickets.sql" .}}) AS t
    WHERE {bucketed:UInt8} = 0 AND assignee_id != 0
        AND {{.Counted}}
        {{.Filters}}
)
GROUP BY bucket{{.AndBy}}
