-- Tickets and messages that hold a phrase: consecutive whole words (M29). The index of words tells which texts hold the longest word of one, so
-- that only what is stored beside those is read; what decides is the look for the whole phrase between blanks, which phrases of one word do not need.
-- Occurrences are start positions in messages.
SELECT
    roundDown(toUnixTimestamp(date), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
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
        SELECT *
        FROM tickets FINAL
        PREWHERE ticket_id IN
        (
            SELECT ticket_id
            FROM messages
            WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})
                AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
                AND ({by_ticket:UInt8} = 0 OR ticket_created_at >= toDateTime({from:UInt32}, 'UTC') AND ticket_created_at < toDateTime({to:UInt32}, 'UTC'))
        )
        WHERE account IN {accounts:Array(String)}
            AND ({by_ticket:UInt8} = 0 OR created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC'))
    ) AS t
    INNER JOIN
    (
        SELECT
            account, ticket_id, at,
            splitByChar(' ', tokens) AS words,
            /*words*/arraySum(p -> countEqual(words, p), {phrases:Array(String)})/*phrases*/arraySum(p -> arrayCount(i -> arraySlice(words, i, length(p)) = p, arrayEnumerate(words)),
                arrayMap(p -> splitByChar(' ', p), {phrases:Array(String)}))/*end*/ AS times
        FROM messages FINAL
        WHERE account IN {accounts:Array(String)} AND hasAnyTokens(tokens, {anchors:Array(String)})
            AND (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC')
            AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
            AND ({by_ticket:UInt8} = 0 OR ticket_created_at >= toDateTime({from:UInt32}, 'UTC') AND ticket_created_at < toDateTime({to:UInt32}, 'UTC'))
            /*words*//*phrases*/AND multiSearchAny(concat(' ', tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {phrases:Array(String)}))/*end*/
    ) AS m ON m.account = t.account AND m.ticket_id = t.ticket_id
    UNION ALL
    SELECT t.*, t.status AS current_status, (t.account, t.ticket_id) AS ticket, 'subject' AS found, toUInt64(0) AS times, t.created_at AS date
    FROM tickets AS t FINAL
    WHERE t.account IN {accounts:Array(String)} AND hasAnyTokens(subject_tokens, {anchors:Array(String)})
        AND t.created_at >= toDateTime({from:UInt32}, 'UTC') AND t.created_at < toDateTime({to:UInt32}, 'UTC')
        /*words*//*phrases*/AND multiSearchAny(concat(' ', t.subject_tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {phrases:Array(String)}))/*end*/
)
WHERE date >= toDateTime({from:UInt32}, 'UTC') AND date < toDateTime({to:UInt32}, 'UTC') AND date <= toDateTime({as_of:UInt32}, 'UTC')
    AND /*counted*/
    /*filters*/
GROUP BY bucket/*and_by*/
