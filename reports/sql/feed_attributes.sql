-- Activities of a feed with all that their texts can be made of.
SELECT
    a.account AS account, activity_id, toString(activity) AS activity, occurred_at, ticket_id, person_id, a.user_id AS user_id, subject, toString(status) AS status,
    text, attributes, message,
    toString(previous_status) AS previous_status, toString(priority) AS priority, toString(type) AS type, toString(channel) AS channel, tags,
    assignee_id, group_id, brand_id, form_id, organization_id, u.name AS assignee_name, u.email AS assignee_email, g.name AS group_name, b.name AS brand_name
FROM
(
    SELECT *
    FROM activities FINAL
    WHERE account IN {accounts:Array(String)} AND activity IN {kinds:Array(String)} AND activity_id IN {ids:Array(String)}
        AND occurred_at >= toDateTime({since:UInt32}, 'UTC') AND occurred_at <= toDateTime({until:UInt32}, 'UTC')
) AS a
{{template "part_activity_names.sql"}}
