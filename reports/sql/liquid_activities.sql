-- Activities of people that templates ask for: the triggering ones, of each person the latest of each kind, and the newest.
-- owner is the person now; an absorbed one's activities keep the person id they came with.
SELECT
    a.account AS account, owner, activity_id, toString(activity) AS activity, occurred_at, ticket_id, person_id, a.user_id AS user_id, subject, toString(status) AS status,
    text, attributes, message,
    toString(previous_status) AS previous_status, toString(priority) AS priority, toString(type) AS type, toString(channel) AS channel, tags,
    assignee_id, group_id, brand_id, form_id, organization_id, expires_at,
    u.name AS assignee_name, u.email AS assignee_email, g.name AS group_name, b.name AS brand_name,
    toUInt8(nth_of_kind = 1 AND recent) AS latest, toUInt8(recent AND nth <= {newest:UInt32}) AS newest
FROM
(
    SELECT
        *,
        transform(person_id, {persons:Array(String)}, {owners:Array(String)}, '') AS owner,
        occurred_at >= toDateTime({since:UInt32}, 'UTC') AS recent,
        row_number() OVER (PARTITION BY account, owner, activity ORDER BY occurred_at DESC, activity_id DESC) AS nth_of_kind,
        row_number() OVER (PARTITION BY account, owner ORDER BY occurred_at DESC, activity_id DESC) AS nth
    FROM activities FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN {persons:Array(String)} AND expires_at > toDateTime({now:UInt32}, 'UTC')
        AND (occurred_at >= toDateTime({since:UInt32}, 'UTC') OR activity_id IN {triggers:Array(String)})
) AS a
{{template "part_activity_names.sql"}}
WHERE activity_id IN {triggers:Array(String)}
    OR newest = 1
    OR (latest = 1 AND ({any_kind:UInt8} = 1 OR activity IN {kinds:Array(String)}))
ORDER BY owner, occurred_at DESC, activity_id DESC
