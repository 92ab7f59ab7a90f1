-- Tickets and messages that hold a phrase: consecutive whole words (M29). Without matching on the first word's index the text of every
-- message would be read; what decides is the look for the whole phrase between blanks. Occurrences are start positions in messages.
SELECT
    roundDown(toUnixTimestamp(date), {bounds:Array(UInt32)}) AS bucket,
    /*keys*/ AS keys,
    uniqExactIf(ticket, found = 'subject') AS tickets_subject,
    uniqExactIf(ticket, found = 'message') AS tickets_messages,
    uniqExact(ticket) AS tickets,
    countIf(found = 'message') AS messages,
    sum(times) AS occurrences
FROM
(
    SELECT
        t.*, t.status AS current_status, (t.account, t.ticket_id) AS ticket, 'message' AS found, m.times AS times,
        if({by_ticket:UInt8} = 1, t.created_at, m.at) AS date
    FROM
    (
        SELECT
            account, ticket_id, at,
            splitByChar(' ', tokens) AS words,
            arraySum(p -> arrayCount(i -> arraySlice(words, i, length(p)) = p, arrayEnumerate(words)),
                arrayMap(p -> splitByChar(' ', p), {phrases:Array(String)})) AS times
        FROM messages FINAL
        WHERE account IN {accounts:Array(String)} AND (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC')
            AND hasAnyTokens(tokens, {anchors:Array(String)})
            AND arrayExists(p -> position(concat(' ', tokens, ' '), concat(' ', p, ' ')) > 0, {phrases:Array(String)})
    ) AS m
    INNER JOIN (SELECT * FROM tickets FINAL WHERE account IN {accounts:Array(String)}) AS t ON t.account = m.account AND t.ticket_id = m.ticket_id
    UNION ALL
    SELECT t.*, t.status AS current_status, (t.account, t.ticket_id) AS ticket, 'subject' AS found, toUInt64(0) AS times, t.created_at AS date
    FROM tickets AS t FINAL
    WHERE t.account IN {accounts:Array(String)}
        AND arrayExists(p -> position(concat(' ', t.subject_tokens, ' '), concat(' ', p, ' ')) > 0, {phrases:Array(String)})
)
WHERE date >= toDateTime({from:UInt32}, 'UTC') AND date < toDateTime({to:UInt32}, 'UTC') AND date <= toDateTime({as_of:UInt32}, 'UTC')
    AND (deleted = 0 OR {include_deleted:UInt8} = 1) AND (merged = 0 OR {exclude_merged:UInt8} = 0)
    /*filters*/
GROUP BY bucket, keys
