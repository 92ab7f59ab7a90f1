-- Unsolved tickets at the end of each bucket (M6), as differences: a spell counts at every end e with at < e <= until, so it adds one
-- from the first end after its beginning and takes it back after its last. `ends` begins with 0, which stands for before all of them.
-- Spells that began before the first end are looked for by the index ix_unsolved, whatever their version, and then read by when they began, which
-- all versions of a spell share: to read them with FINAL alone has ClickHouse read all spells of the history, lest one of them be a newer row. The
-- others are read apart from them, so that nobody looks for their times among those.
SELECT
    tupleElement(edge, 1) AS bucket,
    {{.Keys}} AS keys,
    sum(tupleElement(edge, 2) * spells) AS unsolved,
    sum(tupleElement(edge, 2) * spells_new) AS new,
    sum(tupleElement(edge, 2) * spells_open) AS open,
    sum(tupleElement(edge, 2) * spells_pending) AS pending,
    sum(tupleElement(edge, 2) * spells_hold) AS hold
FROM
(
    SELECT *, arrayJoin(if(first = last, [], [(first, 1), (last, -1)])) AS edge
    FROM
    (
        SELECT
            {{.By}}{{.End "at"}} AS first,
            {{.End "until"}} AS last,
            count() AS spells, countIf(status = 'new') AS spells_new, countIf(status = 'open') AS spells_open,
            countIf(status = 'pending') AS spells_pending, countIf(status = 'hold') AS spells_hold
        FROM ticket_events AS e FINAL
        WHERE {{.Accounts}} AND kind = 'state'
            AND at >= toDateTime({first_end:UInt32}, 'UTC') AND at < toDateTime({last_end:UInt32}, 'UTC')
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime({first_end:UInt32}, 'UTC')
            AND {{.Counted}}
            {{.Filters}}
        GROUP BY first, last{{.AndBy}}
        UNION ALL
        SELECT
            {{.By}}toUInt32(0) AS first,
            {{.End "until"}} AS last,
            count() AS spells, countIf(status = 'new') AS spells_new, countIf(status = 'open') AS spells_open,
            countIf(status = 'pending') AS spells_pending, countIf(status = 'hold') AS spells_hold
        FROM ticket_events AS e FINAL
        WHERE {{.Accounts}} AND kind = 'state' AND at < toDateTime({first_end:UInt32}, 'UTC')
            AND at IN
            (
                SELECT at
                FROM ticket_events
                WHERE {{.Accounts}} AND kind = 'state' AND at < toDateTime({first_end:UInt32}, 'UTC')
                    AND if(status = 'solved', 0, if(status = 'closed', 0, toUnixTimestamp(until))) >= toUnixTimestamp(toDateTime({first_end:UInt32}, 'UTC'))
                SETTINGS use_skip_indexes_on_data_read = 0
            )
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime({first_end:UInt32}, 'UTC')
            AND {{.Counted}}
            {{.Filters}}
        GROUP BY first, last{{.AndBy}}
    )
)
GROUP BY bucket{{.AndBy}}
