-- Tickets of an account whose texts hold one of some phrases, or have a row that counts one of some others.
SELECT DISTINCT ticket_id
FROM
(
    SELECT ticket_id
    FROM messages FINAL
    WHERE account = {account:String} AND hasAnyTokens(tokens, {anchors:Array(String)})
        AND arrayExists(p -> position(concat(' ', tokens, ' '), concat(' ', p, ' ')) > 0, {phrases:Array(String)})
    UNION ALL
    SELECT ticket_id
    FROM tickets FINAL
    WHERE account = {account:String}
        AND arrayExists(p -> position(concat(' ', subject_tokens, ' '), concat(' ', p, ' ')) > 0, {phrases:Array(String)})
    UNION ALL
    SELECT ticket_id
    FROM phrase_hits FINAL
    WHERE account = {account:String} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
)
