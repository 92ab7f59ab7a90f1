-- The rows in which saved phrases are counted as texts arrive: one for each text that holds any of them.
SELECT account, ticket_id, message_id, at, ticket_created_at, arraySum((p, n) -> if(has({phrase_ids:Array(String)}, p), n, 0), phrase_ids, times) AS times
FROM phrase_hits FINAL
WHERE account IN {accounts:Array(String)} AND hasAny(phrase_ids, {phrase_ids:Array(String)})
    AND (message_id = 0 OR (public = 1 OR {any_scope:UInt8} = 1) AND at <= toDateTime({as_of:UInt32}, 'UTC'))
    /*within*/
