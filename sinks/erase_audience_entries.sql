-- Who entered what and when stays; the activity that was kept with it goes.
ALTER TABLE audience_entries UPDATE attributes = '{}'
WHERE account = {account:String}
    AND (person_id IN {own:Array(String)} OR JSONExtractInt(attributes, 'ticket_id') IN {tickets:Array(Int64)}
        OR JSONExtractInt(attributes, 'actor_id') IN {users:Array(Int64)})
