(
    SELECT *, {{if .Several}}(account, user_id) AS user, {{end}}status AS current_status
    FROM activities FINAL
    WHERE {{.Accounts}} AND expires_at > toDateTime({now:UInt32}, 'UTC')
        AND occurred_at >= toDateTime({from:UInt32}, 'UTC') AND occurred_at < toDateTime({to:UInt32}, 'UTC')
        AND occurred_at <= toDateTime({as_of:UInt32}, 'UTC')
        {{template "part_gone.sql" .}}
) AS a
{{if .Several}}LEFT ANY JOIN ({{template "part_merged_users.sql" .}}) AS p USING (user){{end}}
WHERE 1 {{.Filters}}
