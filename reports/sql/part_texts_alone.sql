SELECT
    /*several*/(account, ticket_id)/*one*/ticket_id/*end*/ AS ticket, message_id, times, if({by_ticket:UInt8} = 1 OR message_id = 0, ticket_created_at, at) AS date
FROM
(
    /*found*/
)
WHERE 1 /*gone*/
/*saved*//*sought*/UNION ALL
SELECT /*several*/(t.account, t.ticket_id)/*one*/t.ticket_id/*end*/ AS ticket, toInt64(0) AS message_id, toUInt64(0) AS times, t.created_at AS date
/*subjects*//*end*/
