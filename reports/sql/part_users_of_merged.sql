{{if .Several}}SELECT arrayJoin(user_ids) FROM people WHERE {{.Accounts}} AND length(user_ids) > 1{{else}}SELECT arrayJoin(tupleElement(same_users, 1)){{end}}
