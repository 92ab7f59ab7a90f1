ALTER TABLE ratings UPDATE comment = ''
WHERE account = {account:String} AND (ticket_id IN {tickets:Array(Int64)} OR requester_id IN {users:Array(Int64)})
