-- A duration of each ticket, by the time of the ticket's creation (M7, M14a, M31). A duration whose end lies after as_of is not known yet.
WITH status AS current_status, /*seconds*/ AS seconds
SELECT
    roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    /*figures*/
FROM tickets FINAL
WHERE account IN {accounts:Array(String)}
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
