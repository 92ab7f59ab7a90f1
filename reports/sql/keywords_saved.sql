-- What keywords.sql says, from the rows in which saved phrases are counted as texts arrive: one for each message or subject (message 0)
-- that holds any of them.
SELECT
    roundDown(toUnixTimestamp(date), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    uniqExactIf(ticket, message_id = 0) AS tickets_subject,
    uniqExactIf(ticket, message_id != 0) AS tickets_messages,
    uniqExact(ticket) AS tickets,
    countIf(message_id != 0) AS messages,
    sumIf(times, message_id != 0) AS occurrences
FROM
(
    SELECT
        t.*, t.status AS current_status, (t.account, t.ticket_id) AS ticket, h.message_id AS message_id, h.times AS times,
        if({by_ticket:UInt8} = 1 OR h.message_id = 0, t.created_at, h.at) AS date
    FROM
    (
        SELECT account, ticket_id, message_id, at, arraySum((p, n) -> if(has({phrase_ids:Array(String)}, p), n, 0), phrase_ids, times) AS times
        FROM phrase_hits FINAL
        WHERE account IN {accounts:Array(String)} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
            AND (message_id = 0 OR (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC'))
    ) AS h
    INNER JOIN (SELECT * FROM tickets FINAL WHERE account IN {accounts:Array(String)}) AS t ON t.account = h.account AND t.ticket_id = h.ticket_id
)
WHERE date >= toDateTime({from:UInt32}, 'UTC') AND date < toDateTime({to:UInt32}, 'UTC') AND date <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
