-- Who entered and left an audience, newest first.
SELECT entry_id, person_id, toString(event) AS event, at, activity_id, toString(activity) AS activity, attributes
FROM audience_entries FINAL
WHERE account IN {accounts:Array(String)} AND audience_id = {audience:String}
    AND (at, entry_id) < (toDateTime({before:UInt32}, 'UTC'), {before_id:String})
ORDER BY at DESC, entry_id DESC
LIMIT {limit:UInt32}
