{{if .IncludeDeleted -}}
SELECT ({{if .Several}}account, {{end}}requester_id) AS user, min(created_at) AS own_first
FROM tickets FINAL
WHERE {{.Accounts}} AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
    AND requester_id IN
    (
        SELECT requester_id
        FROM tickets
        WHERE {{.Accounts}} AND requester_id != 0
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        UNION ALL
        SELECT arrayJoin(user_ids)
        FROM people
        WHERE {{.Accounts}} AND length(user_ids) > 1
    )
GROUP BY user
{{- else if .Told -}}
SELECT ({{if .Several}}account, {{end}}user_id) AS user, ifNull(first_ticket_at, toDateTime(0, 'UTC')) AS own_first, first_ticket_at IS NULL AS own_unknown
FROM person_stats FINAL
WHERE {{.Accounts}}
    AND (first_ticket_at >= toDateTime({from:UInt32}, 'UTC') OR if(first_ticket_at IS NULL, tickets_total > 0, user_id IN ({{template "part_users_of_merged.sql" .}})))
{{- else -}}
SELECT ({{if .Several}}account, {{end}}user_id) AS user, assumeNotNull(first_ticket_at) AS own_first
FROM person_stats FINAL
WHERE {{.Accounts}} AND first_ticket_at IS NOT NULL
    AND (first_ticket_at >= toDateTime({from:UInt32}, 'UTC') OR user_id IN ({{template "part_users_of_merged.sql" .}}))
UNION ALL
SELECT ({{if .Several}}account, {{end}}requester_id) AS user, min(created_at) AS own_first
FROM tickets FINAL
WHERE {{.Accounts}} AND created_at <= toDateTime({as_of:UInt32}, 'UTC') AND deleted = 0
    AND requester_id IN
    (
        SELECT user_id
        FROM person_stats FINAL
        WHERE {{.Accounts}} AND first_ticket_at IS NULL AND tickets_total > 0
    )
GROUP BY user
{{- end}}
