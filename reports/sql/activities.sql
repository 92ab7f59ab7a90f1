-- Activities within retention and the people they belong to; merged people count once, as the first of their users. Those of deleted tickets are
-- left out (G6): which ones is told by the index ix_gone. People are counted in hash tables: as bits they would take several times as long, because
-- the ids of users in Zendesk are far apart.
{{if not .Several}}WITH (SELECT (groupArray(user), groupArray(first_user)) FROM ({{template "part_merged_users.sql" .}})) AS same_users
{{end}}SELECT
    {{.Bucket "occurred_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    count() AS activities,
    uniqExactIf({{if .Several}}if(merged_user = 1, first_user, user){{else}}transform(user_id, tupleElement(same_users, 1), tupleElement(same_users, 2), user_id){{end}}, user_id > 0) AS people
FROM
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
GROUP BY bucket{{.AndBy}}
