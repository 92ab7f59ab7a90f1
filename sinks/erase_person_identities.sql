ALTER TABLE person_identities DELETE WHERE account = {account:String} AND user_id IN {users:Array(Int64)}
