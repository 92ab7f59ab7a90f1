-- Activities within retention, newest first.
SELECT
    activity_id, toString(activity) AS activity, occurred_at, ticket_id, person_id, subject, toString(status) AS status, text, attributes
FROM activities FINAL
WHERE account IN {accounts:Array(String)}
    AND ({any_person:UInt8} = 1 OR person_id IN {persons:Array(String)})
    AND ({activity:String} = '' OR activity = {activity:String})
    AND occurred_at >= toDateTime({since:UInt32}, 'UTC') AND expires_at > toDateTime({now:UInt32}, 'UTC')
    AND occurred_at <= toDateTime({before:UInt32}, 'UTC')
    AND (occurred_at, activity_id) < (toDateTime({before:UInt32}, 'UTC'), {before_id:String})
ORDER BY occurred_at DESC, activity_id DESC
LIMIT {limit:UInt32}
