PREWHERE (account, at, ticket_id, message_id) IN
(
    SELECT account, at, ticket_id, message_id
    FROM messages
    WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})
        AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
        AND ({by_ticket:UInt8} = 0 OR (account, ticket_id) IN
        (
            SELECT account, ticket_id
            FROM tickets
            WHERE account IN {accounts:Array(String)}
                AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        ))
)
