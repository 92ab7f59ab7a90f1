/*several*/SELECT arrayJoin(user_ids) FROM people WHERE account IN {accounts:Array(String)} AND length(user_ids) > 1/*one*/SELECT arrayJoin(tupleElement(same_users, 1))/*end*/
