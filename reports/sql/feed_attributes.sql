-- Activities of a feed with all that their texts can be made of.
SELECT
    a.account AS account, activity_id, toString(activity) AS activity, occurred_at, ticket_id, person_id, subject, toString(status) AS status, text, attributes, message,
    toString(previous_status) AS previous_status, toString(priority) AS priority, toString(type) AS type, toString(channel) AS channel, tags,
    assignee_id, group_id, brand_id, organization_id, u.name AS assignee_name, u.email AS assignee_email, g.name AS group_name, b.name AS brand_name
FROM
(
    SELECT *
    FROM activities FINAL
    WHERE account IN {accounts:Array(String)} AND activity IN {kinds:Array(String)} AND activity_id IN {ids:Array(String)}
        AND occurred_at >= toDateTime({since:UInt32}, 'UTC') AND occurred_at <= toDateTime({until:UInt32}, 'UTC')
) AS a
LEFT ANY JOIN (SELECT account, user_id, name, email FROM agents FINAL WHERE account IN {accounts:Array(String)}) AS u
    ON u.account = a.account AND u.user_id = a.assignee_id
LEFT ANY JOIN (SELECT account, id, name FROM names FINAL WHERE account IN {accounts:Array(String)} AND kind = 'group') AS g
    ON g.account = a.account AND g.id = a.group_id
LEFT ANY JOIN (SELECT account, id, name FROM names FINAL WHERE account IN {accounts:Array(String)} AND kind = 'brand') AS b
    ON b.account = a.account AND b.id = a.brand_id
