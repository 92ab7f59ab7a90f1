{{if .LeftOut -}}
AND ({{if .Several}}account, {{end}}ticket_id) NOT IN
(
    SELECT {{if .Several}}account, {{end}}ticket_id
    FROM tickets FINAL
    WHERE {{.Accounts}} AND deleted + merged > 0 AND ({{.LeftOut}})
)
{{- end}}
