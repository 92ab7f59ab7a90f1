-- Messages that may hold a phrase: those with its longest word, as the index of words tells without reading any text.
SELECT account, at, ticket_id, message_id
FROM messages
WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})
    AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
    AND ({by_ticket:UInt8} = 0 OR ticket_created_at >= toDateTime({from:UInt32}, 'UTC') AND ticket_created_at < toDateTime({to:UInt32}, 'UTC'))
LIMIT {most:UInt32}
