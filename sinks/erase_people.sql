ALTER TABLE people DELETE WHERE account = {account:String} AND person_id IN {own:Array(String)}
