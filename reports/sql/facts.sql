-- One ticket with all its facts.
SELECT _facts
FROM tickets FINAL
PREWHERE account IN {accounts:Array(String)} AND ticket_id = {id:Int64}
ORDER BY created_at DESC
LIMIT 1
SETTINGS max_threads = 1
