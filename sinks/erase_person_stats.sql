ALTER TABLE person_stats UPDATE last_ticket_subject = ''
WHERE account = {account:String} AND (user_id IN {users:Array(Int64)} OR last_ticket_id IN {tickets:Array(Int64)})
