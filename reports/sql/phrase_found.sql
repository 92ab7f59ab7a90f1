-- Messages that may hold a phrase: those with its longest word, as the index of words tells without reading any text.
SELECT account, at, ticket_id, message_id
FROM messages
WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})
    AND at >= toDateTime({search_from:UInt32}, 'UTC') AND at < toDateTime({search_to:UInt32}, 'UTC')
LIMIT {most:UInt32}
