{{if .Saved -}}
-- The rows in which saved phrases are counted as texts arrive: one for each text that holds any of them.
SELECT account, ticket_id, message_id, at, ticket_created_at, arraySum((p, n) -> if(has({phrase_ids:Array(String)}, p), n, 0), phrase_ids, times) AS times
FROM phrase_hits FINAL
WHERE {{.Accounts}} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
    AND (message_id = 0 OR (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC'))
    {{template "part_within.sql" .}}
{{- else -}}
-- The index of words tells which texts hold the longest word of a phrase, so that only what is stored beside those is read; what decides is the look
-- for the whole phrase between blanks, which phrases of one word do not need.
SELECT
    account, ticket_id, message_id, at, ticket_created_at,
    splitByChar(' ', tokens) AS words,
    {{if .Words}}arraySum(p -> countEqual(words, p), {{.Phrases}}){{else}}arraySum(p -> arrayCount(i -> arraySlice(words, i, length(p)) = p, arrayEnumerate(words)),
        arrayMap(p -> splitByChar(' ', p), {{.Phrases}})){{end}} AS times
FROM messages FINAL
WHERE {{.Accounts}} AND hasAnyTokens(tokens, {{.Anchors}})
    AND (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC')
    {{template "part_within.sql" .}}
    {{if not .Words}}AND multiSearchAny(concat(' ', tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {{.Phrases}})){{end}}
{{- end}}
