-- Tickets whose description the users wrote: the first message is theirs, or they submitted it.
SELECT DISTINCT toString(ticket_id)
FROM
(
    SELECT ticket_id
    FROM messages FINAL
    WHERE account = {account:String} AND ticket_id IN {others:Array(Int64)}
    GROUP BY ticket_id
    HAVING argMin(author_id, (at, message_id)) IN {users:Array(Int64)}
    UNION ALL
    SELECT ticket_id FROM tickets WHERE account = {account:String} AND submitter_id IN {users:Array(Int64)}
)
