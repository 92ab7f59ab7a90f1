{{if .Several}}if(merged_user = 1, first_user, user){{else}}transform(user_id, tupleElement(same_users, 1), tupleElement(same_users, 2), user_id){{end}}
