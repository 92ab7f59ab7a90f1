ALTER TABLE people DELETE WHERE account = {account:String} AND person_id IN {own:Array(String)} AND NOT (is_deleted = 1 AND length(user_ids) > 1 AND zendesk = '{}')
