SELECT
    t.*, t.status AS current_status, /*several*/(t.account, t.ticket_id)/*one*/t.ticket_id/*end*/ AS ticket, m.message_id AS message_id, m.times AS times,
    if({by_ticket:UInt8} = 1 OR m.message_id = 0, t.created_at, m.at) AS date
FROM
(
    SELECT *
    FROM tickets FINAL
    PREWHERE ticket_id IN
    (
        SELECT ticket_id
        /*saved*/FROM phrase_hits
        WHERE account IN {accounts:Array(String)} AND hasAny(phrase_ids, {phrase_ids:Array(String)})/*sought*/FROM messages
        WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})/*end*/
            /*within*/
    )
    WHERE account IN {accounts:Array(String)} AND /*counted*/
        AND ({by_ticket:UInt8} = 0 OR created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC'))
) AS t
INNER JOIN
(
    /*found*/
) AS m ON m.account = t.account AND m.ticket_id = t.ticket_id
/*saved*//*sought*/UNION ALL
SELECT
    t.*, t.status AS current_status, /*several*/(t.account, t.ticket_id)/*one*/t.ticket_id/*end*/ AS ticket, toInt64(0) AS message_id, toUInt64(0) AS times,
    t.created_at AS date
/*subjects*//*end*/
