-- Tickets as they are at as_of (M25).
SELECT
    roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    countIf(counts) AS tickets,
    countIf(counts AND is_unsolved) AS unsolved,
    countIf(counts AND current_status IN ('solved', 'closed')) AS solved,
    countIf(counts AND csat = 'good') AS good,
    countIf(counts AND csat = 'bad') AS bad,
    countIf(is_deleted_ticket) AS deleted,
    countIf(counts AND is_merged) AS merged,
    countIf(counts AND is_unsolved AND assignee_id = 0) AS unassigned_unsolved,
    countIf(counts AND replies = 0) AS unreplied,
    countIf(rating_is_later) AS rated_later
FROM
(
    SELECT
        * EXCEPT (deleted, merged), deleted != 0 AS is_deleted_ticket, merged != 0 AS is_merged,
        (NOT is_deleted_ticket OR {include_deleted:UInt8} = 1) AS counts,
        current_status IN ('new', 'open', 'pending', 'hold') AS is_unsolved
    FROM (/*tickets*/)
    WHERE created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND (merged = 0 OR {exclude_merged:UInt8} = 0)
        /*months*/
)
WHERE 1 /*filters*/
GROUP BY bucket/*and_by*/
