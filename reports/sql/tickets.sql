-- Tickets as they are at as_of (M25).
SELECT
    roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    countIf(/*kept*/) AS tickets,
    countIf(/*kept*/ AND current_status IN ('new', 'open', 'pending', 'hold')) AS unsolved,
    countIf(/*kept*/ AND current_status IN ('solved', 'closed')) AS solved,
    countIf(/*kept*/ AND /*then*/score/*now*/rated AND csat/*end*/ = 'good') AS good,
    countIf(/*kept*/ AND /*then*/score/*now*/rated AND csat/*end*/ = 'bad') AS bad,
    countIf(t.deleted != 0) AS deleted,
    countIf(/*kept*/ AND t.merged != 0) AS merged,
    countIf(/*kept*/ AND current_status IN ('new', 'open', 'pending', 'hold') AND assignee_id = 0) AS unassigned_unsolved,
    countIf(/*kept*/ AND replies = 0) AS unreplied,
    countIf(/*then*/0/*now*/rating_is_later/*end*/) AS rated_later
FROM (/*tickets*/) AS t
/*then*/LEFT ANY JOIN
(
    SELECT account, ticket_id, score
    FROM ticket_events FINAL
    WHERE account IN {accounts:Array(String)} AND kind = 'rating' AND at <= toDateTime({as_of:UInt32}, 'UTC') AND until > toDateTime({as_of:UInt32}, 'UTC')
) AS c USING (account, ticket_id)/*now*//*end*/
WHERE created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND (t.merged = 0 OR {exclude_merged:UInt8} = 0)
    /*months*/
    /*filters*/
GROUP BY bucket/*and_by*/
