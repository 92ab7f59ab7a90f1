-- Activities of some kinds behind one position and up to another; withdrawn ones too.
SELECT
    toString(account) AS account, toString(activity) AS activity, occurred_at, activity_id, toString(source_id) AS source_id, ticket_id, person_id, user_id,
    organization_id, actor_id, assignee_id, group_id, brand_id, form_id, toString(channel) AS channel, toString(priority) AS priority, toString(type) AS type,
    toString(status) AS status, toString(previous_status) AS previous_status, subject, message, tags, text, attributes, toString(via) AS via, expires_at,
    is_deleted, _seq, _ver
FROM activities AS a{{if .Final}} FINAL{{end}}
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64} AND a.activity IN {kinds:Array(String)}
    AND occurred_at >= toDateTime({since:UInt32}, 'UTC') AND user_id != 0
