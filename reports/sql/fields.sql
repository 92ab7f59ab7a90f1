-- Custom fields of users, organizations and tickets.
SELECT account, kind, id, name, key, type
FROM names FINAL
WHERE account IN {accounts:Array(String)} AND kind IN ('user_field', 'organization_field', 'ticket_field')
ORDER BY kind, name, id
