-- The index of words tells which texts hold the longest word of a phrase, so that only what is stored beside those is read; what decides is the look
-- for the whole phrase between blanks, which phrases of one word do not need.
SELECT
    account, ticket_id, message_id, at, ticket_created_at,
    splitByChar(' ', tokens) AS words,
    /*words*/arraySum(p -> countEqual(words, p), {phrases:Array(String)})/*phrases*/arraySum(p -> arrayCount(i -> arraySlice(words, i, length(p)) = p, arrayEnumerate(words)),
        arrayMap(p -> splitByChar(' ', p), {phrases:Array(String)}))/*end*/ AS times
FROM messages FINAL
WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})
    AND (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC')
    /*within*/
    /*words*//*phrases*/AND multiSearchAny(concat(' ', tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {phrases:Array(String)}))/*end*/
