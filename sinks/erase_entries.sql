-- The log of a person in audiences, without the activities that were kept with it.
SELECT audience_id, entry_id, person_id, event, at, activity_id, activity
FROM audience_entries FINAL
WHERE account = {account:String} AND person_id IN {own:Array(String)}
ORDER BY at, audience_id, entry_id
