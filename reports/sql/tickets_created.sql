-- Tickets by the time of their creation (M1).
WITH status AS current_status
SELECT
    roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS tickets
FROM tickets FINAL
WHERE account IN {accounts:Array(String)}
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
