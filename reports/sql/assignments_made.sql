-- What assignments.sql says, but for what is held.
SELECT
    roundDown(toUnixTimestamp(at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS assignments,
    countIf(previous_id != 0 AND previous_id != assignee_id) AS reassignments,
    uniqExactIf((/*of*/ticket_id), previous_id != 0 AND previous_id != assignee_id) AS reassigned_tickets
FROM ticket_events AS e FINAL /*join*/
WHERE account IN {accounts:Array(String)} AND kind = 'assign' AND assignee_id != 0
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
