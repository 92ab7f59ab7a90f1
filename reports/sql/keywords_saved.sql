-- What keywords.sql says, from the rows in which saved phrases are counted as texts arrive: one for each message or subject (message 0)
-- that holds any of them. Of tickets only those are read that such a row of the period names.
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
        SELECT *
        FROM tickets FINAL
        PREWHERE ticket_id IN
        (
            SELECT ticket_id
            FROM phrase_hits
            WHERE account IN {accounts:Array(String)} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
                AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
                AND ({by_ticket:UInt8} = 0 OR ticket_created_at >= toDateTime({from:UInt32}, 'UTC') AND ticket_created_at < toDateTime({to:UInt32}, 'UTC'))
        )
        WHERE account IN {accounts:Array(String)}
            AND ({by_ticket:UInt8} = 0 OR created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC'))
    ) AS t
    INNER JOIN
    (
        SELECT account, ticket_id, message_id, at, arraySum((p, n) -> if(has({phrase_ids:Array(String)}, p), n, 0), phrase_ids, times) AS times
        FROM phrase_hits FINAL
        WHERE account IN {accounts:Array(String)} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
            AND (message_id = 0 OR (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC'))
            AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
            AND ({by_ticket:UInt8} = 0 OR ticket_created_at >= toDateTime({from:UInt32}, 'UTC') AND ticket_created_at < toDateTime({to:UInt32}, 'UTC'))
    ) AS h ON h.account = t.account AND h.ticket_id = t.ticket_id
)
WHERE date >= toDateTime({from:UInt32}, 'UTC') AND date < toDateTime({to:UInt32}, 'UTC') AND date <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
