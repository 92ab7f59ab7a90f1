-- Solve events, closes, and tickets by their last solve while they are solved or closed (M2 to M4). The events stand for who held
-- them then, the tickets for who holds them now.
SELECT
    bucket,
    /*keys*/ AS keys,
    sum(solves) AS solve_events,
    sum(tickets) AS tickets_solved,
    sum(closes) AS closed
FROM
(
    SELECT
        roundDown(toUnixTimestamp(at), {bounds:Array(UInt32)}) AS bucket, /*by*/countIf(kind = 'solve') AS solves, 0 AS tickets, countIf(kind = 'close') AS closes
    FROM ticket_events AS e FINAL /*join*/
    WHERE account IN {accounts:Array(String)} AND kind IN ('solve', 'close')
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
        AND /*counted*/
        /*filters*/
    GROUP BY bucket/*and_by*/
    UNION ALL
    SELECT roundDown(toUnixTimestamp(solved_at), {bounds:Array(UInt32)}) AS bucket, /*by*/0 AS solves, count() AS tickets, 0 AS closes
    FROM (/*solved*/) AS t
    WHERE solved_at >= toDateTime({from:UInt32}, 'UTC') AND solved_at < toDateTime({to:UInt32}, 'UTC')
        AND /*counted*/
        /*filters*/
    GROUP BY bucket/*and_by*/
)
GROUP BY bucket/*and_by*/
