{{if .Current -}}
ANY LEFT JOIN
(
    SELECT account, ticket_id, status AS current_status, assignee_id AS current_assignee_id, group_id AS current_group_id
    FROM tickets FINAL
    WHERE {{.Accounts}}
) AS c USING (account, ticket_id)
{{- end}}
