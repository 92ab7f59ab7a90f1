-- Unsolved tickets at the end of each bucket (M6), as differences: a spell counts at every end e with at < e <= until, so it adds one
-- from the first end after its beginning and takes it back after its last. `ends` begins with 0, which stands for before all of them.
-- Spells that began before the first end are looked for by the index ix_unsolved, whatever their version, and then read by their keys: to read
-- them with FINAL alone has ClickHouse read all spells of the history, lest one of them be a newer row.
SELECT
    tupleElement(edge, 1) AS bucket,
    /*keys*/ AS keys,
    sum(tupleElement(edge, 2)) AS unsolved,
    sumIf(tupleElement(edge, 2), spell_status = 'new') AS new,
    sumIf(tupleElement(edge, 2), spell_status = 'open') AS open,
    sumIf(tupleElement(edge, 2), spell_status = 'pending') AS pending,
    sumIf(tupleElement(edge, 2), spell_status = 'hold') AS hold
FROM
(
    SELECT *, arrayJoin(if(first = last, [], [(first, toInt64(spells)), (last, -toInt64(spells))])) AS edge
    FROM
    (
        SELECT
            /*by*/status AS spell_status,
            roundDown(toUnixTimestamp(at), {ends:Array(UInt32)}) AS first,
            roundDown(toUnixTimestamp(until), {ends:Array(UInt32)}) AS last,
            count() AS spells
        FROM ticket_events AS e FINAL
        WHERE account IN {accounts:Array(String)} AND kind = 'state' AND at < toDateTime({last_end:UInt32}, 'UTC')
            AND (at >= toDateTime({first_end:UInt32}, 'UTC') OR (account, kind, at, ticket_id) IN
            (
                SELECT account, kind, at, ticket_id
                FROM ticket_events
                WHERE account IN {accounts:Array(String)} AND kind = 'state' AND at < toDateTime({first_end:UInt32}, 'UTC')
                    AND if(status = 'solved', 0, if(status = 'closed', 0, toUnixTimestamp(until))) >= toUnixTimestamp(toDateTime({first_end:UInt32}, 'UTC'))
                SETTINGS use_skip_indexes_on_data_read = 0
            ))
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime({first_end:UInt32}, 'UTC')
            AND /*counted*/
            /*filters*/
        GROUP BY spell_status, first, last/*and_by*/
    )
)
GROUP BY bucket/*and_by*/
