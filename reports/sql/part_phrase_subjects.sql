PREWHERE (account, created_at, ticket_id) IN
(
    SELECT account, created_at, ticket_id
    FROM tickets
    WHERE account IN {accounts:Array(String)} AND hasAnyTokens(subject_tokens, {anchors:Array(String)})
        AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
)
