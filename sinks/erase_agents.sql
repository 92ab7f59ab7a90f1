ALTER TABLE agents UPDATE name = '', email = '' WHERE account = {account:String} AND user_id IN {users:Array(Int64)}
