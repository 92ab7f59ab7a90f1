-- Solved tickets that became unsolved, by the time of the change (M5).
SELECT
    roundDown(toUnixTimestamp(at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS reopens,
    uniqExact(account, ticket_id) AS reopened_tickets
FROM ticket_events AS e FINAL /*join*/
WHERE account IN {accounts:Array(String)} AND kind = 'reopen'
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
