-- Tickets whose subject may hold a phrase: those with its longest word, as the index of words tells.
SELECT account, ticket_id, created_at, created_at AS at, subject_tokens AS tokens
FROM tickets FINAL
WHERE {{.Accounts}} AND hasAnyTokens(subject_tokens, {{.Anchors}})
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
LIMIT {most:UInt32}
