-- Activities within retention and the people they belong to; merged people count once, as the first of their users. Those of deleted tickets are
-- left out (G6): which ones is told by the index ix_gone. People are counted in hash tables: as sets of bits they would take several times as long,
-- because the ids of users in Zendesk are far apart.
{{- if .EachActivity}} Where each activity is counted, people are looked at once each, with the activities
-- they have as bits; in the totals a person counts with the first of these.{{end}}
{{if not .Several}}WITH (SELECT (groupArray(user), groupArray(first_user)) FROM ({{template "part_merged_users.sql" .}})) AS same_users
{{end}}SELECT
    {{.Bucket "occurred_at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
{{- if .EachActivity}}
    sum(told) AS activities,
    sum(counted) AS people,
    sum(counted_first) AS total_people
FROM
(
    SELECT toString(activity) AS activity, count() AS told, 0 AS counted, 0 AS counted_first
    FROM
{{template "part_activities.sql" .}}
    GROUP BY activity
    UNION ALL
    SELECT {slugs:Array(String)}[bit + 1] AS activity, 0 AS told, sum(persons) AS counted, sumIf(persons, number = 1) AS counted_first
    FROM
    (
        SELECT bitPositionsToArray(bits) AS positions, count() AS persons
        FROM
        (
            SELECT
                {{template "part_activity_person.sql" .}} AS person,
                groupBitOr(bitShiftLeft(toUInt64(1), transform(activity, {slugs:Array(String)}, range(length({slugs:Array(String)})), 63))) AS bits
            FROM
{{template "part_activities.sql" .}} AND user_id > 0
            GROUP BY person
        )
        GROUP BY bits
    )
    ARRAY JOIN positions AS bit, arrayEnumerate(positions) AS number
    GROUP BY activity
)
{{- else}}
    count() AS activities,
    uniqExactIf({{template "part_activity_person.sql" .}}, user_id > 0) AS people
FROM
{{template "part_activities.sql" .}}
{{- end}}
GROUP BY bucket{{.AndBy}}
