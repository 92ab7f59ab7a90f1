-- Activities of some kinds of users, as filters look at them. An activity may have had another user before, so that the user is no matter of
-- PREWHERE, which the columns of the sorting key are: it has FINAL merge few rows.
SELECT
    toString(account) AS account, user_id, activity, occurred_at, ticket_id, organization_id, assignee_id, group_id, brand_id, form_id, channel, priority, type, status,
    previous_status, subject, message, tags, attributes
FROM activities FINAL
PREWHERE (account, activity, occurred_at, ticket_id, activity_id) IN
(
    SELECT account, activity, occurred_at, ticket_id, activity_id
    FROM activities
    WHERE account IN {accounts:Array(String)} AND activity IN {kinds:Array(String)} AND user_id IN {users:Array(Int64)}
        AND occurred_at >= toDateTime({since:UInt32}, 'UTC')
)
WHERE user_id IN {users:Array(Int64)} AND expires_at > toDateTime({now:UInt32}, 'UTC')
