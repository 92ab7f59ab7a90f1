-- Tickets of an account whose texts hold one of some phrases, or have a row that counts one of some others.
SELECT DISTINCT ticket_id
FROM
(
    SELECT ticket_id
    FROM messages FINAL
    WHERE account = {account:String} AND hasAnyTokens(tokens, {anchors:Array(String)})
        AND multiSearchAny(concat(' ', tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {phrases:Array(String)}))
    UNION ALL
    SELECT ticket_id
    FROM tickets FINAL
    WHERE account = {account:String} AND hasAnyTokens(subject_tokens, {anchors:Array(String)})
        AND multiSearchAny(concat(' ', subject_tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {phrases:Array(String)}))
    UNION ALL
    SELECT ticket_id
    FROM phrase_hits FINAL
    WHERE account = {account:String} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
)
