-- Names and addresses of agents.
SELECT account, user_id, name, email
FROM agents FINAL
PREWHERE account IN {accounts:Array(String)} AND user_id IN {ids:Array(Int64)}
