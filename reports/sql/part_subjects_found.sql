FROM tickets AS t FINAL
WHERE t.account IN {accounts:Array(String)} AND hasAnyTokens(subject_tokens, {anchors:Array(String)})
    AND t.created_at >= toDateTime({from:UInt32}, 'UTC') AND t.created_at < toDateTime({to:UInt32}, 'UTC')
    /*words*//*phrases*/AND multiSearchAny(concat(' ', t.subject_tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {phrases:Array(String)}))/*end*/
    AND /*counted*/
