-- Public replies by the time and the author of the comment (M8, M28), and tickets without one by the time of their creation (M30).
SELECT
    bucket,
    /*keys*/ AS keys,
    sum(given) AS public_replies,
    sum(lacking) AS unreplied
FROM
(
    WITH actor_id AS agent_id
    SELECT roundDown(toUnixTimestamp(at), {bounds:Array(UInt32)}) AS bucket, /*by*/count() AS given, 0 AS lacking
    FROM ticket_events AS e FINAL /*join*/
    WHERE account IN {accounts:Array(String)} AND kind = 'reply'
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
        AND /*counted*/
        /*filters*/
    GROUP BY bucket/*and_by*/
    UNION ALL
    WITH toInt64(0) AS agent_id
    SELECT roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket, /*by*/0 AS given, count() AS lacking
    FROM (/*tickets*/) AS t
    WHERE replies = 0 AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND /*counted*/
        /*filters*/
    GROUP BY bucket/*and_by*/
)
GROUP BY bucket/*and_by*/
