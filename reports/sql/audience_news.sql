-- Activities of some kinds that came in between two positions, as they are now.
SELECT
    toString(account) AS account, toString(activity) AS activity, occurred_at, activity_id, toString(source_id) AS source_id, ticket_id, person_id, user_id,
    organization_id, actor_id, assignee_id, group_id, brand_id, toString(channel) AS channel, toString(priority) AS priority, toString(type) AS type,
    toString(status) AS status, toString(previous_status) AS previous_status, subject, message, tags, text, attributes, toString(via) AS via, expires_at, is_deleted
FROM activities FINAL
PREWHERE (account, activity, occurred_at, ticket_id, activity_id) IN
(
    SELECT account, activity, occurred_at, ticket_id, activity_id
    FROM activities
    WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64} AND account IN {accounts:Array(String)} AND activity IN {kinds:Array(String)}
)
WHERE user_id != 0 AND expires_at > toDateTime({now:UInt32}, 'UTC')
ORDER BY occurred_at, activity_id
