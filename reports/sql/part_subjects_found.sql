FROM tickets AS t FINAL
WHERE {{.Accounts}} AND hasAnyTokens(subject_tokens, {{.Anchors}})
    AND t.created_at >= toDateTime({from:UInt32}, 'UTC') AND t.created_at < toDateTime({to:UInt32}, 'UTC')
    {{if not .Words}}AND multiSearchAny(concat(' ', t.subject_tokens, ' '), arrayMap(p -> concat(' ', p, ' '), {{.Phrases}})){{end}}
    AND {{.Counted}}
