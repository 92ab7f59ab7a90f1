-- Tickets that have activities of some kinds stored, and the users of those that belong to no ticket, each with the newest source.
SELECT ticket_id, if(ticket_id = 0, user_id, 0) AS user_id, argMax(source_id, occurred_at) AS source_id
FROM activities FINAL
WHERE account = {account:String} AND activity IN {kinds:Array(String)} AND activities.user_id != 0 AND expires_at > toDateTime({now:UInt32}, 'UTC')
GROUP BY 1, 2
ORDER BY 1, 2
