-- People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once, as the first of their
-- users. Whose first ticket is older than the range is found in no row of `p`, and has the first second of 1970. The totals are those of the whole
-- range, in which somebody is new who is new in any bucket of it. People are looked at once each, with the places in which their tickets are, and
-- count for the whole range in the first of these.
{{if not .Several}}WITH (SELECT (groupArray(user), groupArray(first_user)) FROM ({{template "part_merged_users.sql" .}})) AS same_users
{{end}}SELECT
    bucket,
    {{.Keys}} AS keys,
    countIf(NOT old AND first_bucket = bucket) AS new,
    countIf(old OR first_bucket != bucket) AS returning,
    new + returning AS requesters,
    countIf(number = 1 AND NOT old) AS total_new,
    countIf(number = 1 AND old) AS total_returning,
    total_new + total_returning AS total_requesters{{if .Told}},
    countIf(unknown) AS unsure{{end}}
FROM
(
    SELECT
        {{.OfPlace}}number,
        first_at < toDateTime({from:UInt32}, 'UTC') AS old,
        {{.Bucket "first_at"}} AS first_bucket{{if .Told}}, unknown{{end}}
    FROM
    (
        SELECT person, arrayDistinct(groupArray({{.Place}})) AS places
        FROM
        (
            SELECT {{.Bucket "created_at"}} AS bucket, {{.By}}person
            FROM
            (
                SELECT
                    account, ticket_id, created_at, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id, type, form_id,
                    {{if .Several}}if(merged_user = 1, first_user, user){{else}}transform(requester_id, tupleElement(same_users, 1), tupleElement(same_users, 2), requester_id){{end}} AS person
                FROM {{if .Several}}(SELECT *, (account, requester_id) AS user FROM {{end}}tickets FINAL
                WHERE {{.Accounts}} AND requester_id != 0 AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
                    AND {{.Counted}}
                {{if .Several}}) AS o LEFT ANY JOIN ({{template "part_merged_users.sql" .}}) AS u USING (user){{end}}
            )
            WHERE 1 {{.Filters}}
        )
        GROUP BY person
    ) AS t
    LEFT ANY JOIN
    (
        SELECT
            {{if .Several}}if(merged_user = 1, first_user, user){{else}}transform(user, tupleElement(same_users, 1), tupleElement(same_users, 2), user){{end}} AS person,
            min(own_first) AS first_at{{if .Told}}, max(own_unknown) AS unknown{{end}}
        FROM ({{template "part_firsts.sql" .}}) AS r
        {{if .Several}}LEFT ANY JOIN ({{template "part_merged_users.sql" .}}) AS v USING (user){{end}}
        GROUP BY person
        HAVING first_at >= toDateTime({from:UInt32}, 'UTC'){{if .Told}} OR unknown{{end}}
    ) AS p USING (person)
    ARRAY JOIN places AS place, arrayEnumerate(places) AS number
)
GROUP BY bucket{{.AndBy}}
