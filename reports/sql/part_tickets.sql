{{if .Live -}}
SELECT
    account, ticket_id, created_at, requester_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id,
    type, form_id, deleted, merged, csat, ifNull(csat_at <= toDateTime({as_of:UInt32}, 'UTC'), 0) AS rated, replies, public_agent_comments,
    ifNull(csat_at > toDateTime({as_of:UInt32}, 'UTC'), 0) AS rating_is_later, _partition_id AS month
FROM tickets FINAL
WHERE {{.Accounts}} AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
{{- else -}}
SELECT
    t.account AS account, t.ticket_id AS ticket_id, t.created_at AS created_at, t.requester_id AS requester_id,
    if(s.known = 1, s.status, t.status) AS current_status,
    if(s.known = 1, s.assignee_id, t.assignee_id) AS assignee_id,
    if(s.known = 1, s.group_id, t.group_id) AS group_id,
    if(s.known = 1, s.priority, t.priority) AS priority,
    t.channel AS channel, t.tags AS tags, t.brand_id AS brand_id, t.organization_id AS organization_id, t.type AS type,
    t.form_id AS form_id, t.deleted AS deleted, t.merged AS merged,
    toInt64(r.replies) AS replies,
    replies + t.public_agent_comments - t.replies AS public_agent_comments
FROM tickets AS t FINAL
LEFT ANY JOIN
(
    SELECT account, ticket_id, status, assignee_id, group_id, priority, toUInt8(1) AS known
    FROM ticket_events FINAL
    WHERE {{.Accounts}} AND kind = 'state'
        AND at <= toDateTime({as_of:UInt32}, 'UTC') AND until > toDateTime({as_of:UInt32}, 'UTC')
) AS s ON s.account = t.account AND s.ticket_id = t.ticket_id
LEFT ANY JOIN
(
    SELECT account, ticket_id, count() AS replies
    FROM ticket_events FINAL
    WHERE {{.Accounts}} AND kind = 'reply' AND at <= toDateTime({as_of:UInt32}, 'UTC')
    GROUP BY account, ticket_id
) AS r ON r.account = t.account AND r.ticket_id = t.ticket_id
WHERE t.{{.Accounts}} AND t.created_at <= toDateTime({as_of:UInt32}, 'UTC')
{{- end}}
