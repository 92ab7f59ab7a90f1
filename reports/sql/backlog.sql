-- Unsolved tickets at the end of each bucket (M6), as differences: a spell counts at every end e with at < e <= until, so it adds one
-- from the first end after its beginning and takes it back after its last. `ends` begins with 0, which stands for before all of them.
SELECT
    tupleElement(edge, 1) AS bucket,
    keys,
    sum(tupleElement(edge, 2)) AS unsolved,
    sumIf(tupleElement(edge, 2), status = 'new') AS new,
    sumIf(tupleElement(edge, 2), status = 'open') AS open,
    sumIf(tupleElement(edge, 2), status = 'pending') AS pending,
    sumIf(tupleElement(edge, 2), status = 'hold') AS hold
FROM
(
    SELECT
        /*keys*/ AS keys,
        status,
        roundDown(toUnixTimestamp(at), {ends:Array(UInt32)}) AS first,
        roundDown(toUnixTimestamp(until), {ends:Array(UInt32)}) AS last,
        arrayJoin(if(first = last, [], [(first, toInt64(1)), (last, toInt64(-1))])) AS edge
    FROM ticket_events AS e FINAL
    WHERE account IN {accounts:Array(String)} AND kind = 'state' AND status IN ('new', 'open', 'pending', 'hold')
        AND at < toDateTime({last_end:UInt32}, 'UTC') AND until >= toDateTime({first_end:UInt32}, 'UTC')
        -- as the index ix_unsolved has it: without it all of the history would be read
        AND if(status = 'solved', 0, if(status = 'closed', 0, toUnixTimestamp(until))) >= toUnixTimestamp(toDateTime({first_end:UInt32}, 'UTC'))
        AND (deleted = 0 OR {include_deleted:UInt8} = 1) AND (merged = 0 OR {exclude_merged:UInt8} = 0)
        /*filters*/
)
GROUP BY bucket, keys
