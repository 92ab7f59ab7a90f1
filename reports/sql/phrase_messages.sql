-- Messages that may hold a phrase: those with its longest word, as the index of words tells.
SELECT account, ticket_id, ticket_created_at AS created_at, at, tokens
FROM messages FINAL
WHERE {{.Accounts}} AND hasAnyTokens(tokens, {{.Anchors}})
    AND (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC')
    {{template "part_within.sql" .}}
LIMIT {most:UInt32}
