-- Solve events, closes, and tickets by their last solve while they are solved or closed (M2 to M4). The events stand for who held
-- them then, the tickets for who holds them now.
SELECT
    bucket,
    {{.Keys}} AS keys,
    sum(solves) AS solve_events,
    sum(tickets) AS tickets_solved,
    sum(closes) AS closed
FROM
(
    SELECT
        {{.Bucket "at"}} AS bucket, {{.By}}countIf(kind = 'solve') AS solves, 0 AS tickets, countIf(kind = 'close') AS closes
    FROM ticket_events AS e FINAL {{template "part_current.sql" .}}
    WHERE {{.Accounts}} AND kind IN ('solve', 'close')
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
        AND {{.Counted}}
        {{.Filters}}
    GROUP BY bucket{{.AndBy}}
    UNION ALL
    SELECT {{.Bucket "solved_at"}} AS bucket, {{.By}}0 AS solves, count() AS tickets, 0 AS closes
    FROM ({{template "part_solved.sql" .}}) AS t
    WHERE solved_at >= toDateTime({from:UInt32}, 'UTC') AND solved_at < toDateTime({to:UInt32}, 'UTC')
        AND {{.Counted}}
        {{.Filters}}
    GROUP BY bucket{{.AndBy}}
)
GROUP BY bucket{{.AndBy}}
