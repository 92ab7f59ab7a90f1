-- Tickets by the time of their creation (M1).
SELECT
    roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS tickets
FROM
(
    SELECT *, status AS current_status
    FROM tickets FINAL
    WHERE account IN {accounts:Array(String)}
        AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
        AND (deleted = 0 OR {include_deleted:UInt8} = 1) AND (merged = 0 OR {exclude_merged:UInt8} = 0)
)
WHERE 1 /*filters*/
GROUP BY bucket/*and_by*/
