ALTER TABLE messages UPDATE body = '', tokens = ''
WHERE account = {account:String} AND (ticket_id IN {tickets:Array(Int64)} OR author_id IN {users:Array(Int64)})
