-- Tickets that an erasure is about, in all versions of the rows there are: requested by the users, or holding words of theirs.
SELECT ticket_id, toUInt8(max(requested)) AS requested
FROM
(
    SELECT ticket_id, 1 AS requested FROM tickets WHERE account = {account:String} AND requester_id IN {users:Array(Int64)}
    UNION ALL
    SELECT ticket_id, 1 FROM ticket_events WHERE account = {account:String} AND requester_id IN {users:Array(Int64)}
    UNION ALL
    SELECT ticket_id, 1 FROM activities WHERE account = {account:String} AND user_id IN {users:Array(Int64)}
    UNION ALL
    SELECT ticket_id, 1 FROM ratings WHERE account = {account:String} AND requester_id IN {users:Array(Int64)}
    UNION ALL
    SELECT ticket_id, 0 FROM messages WHERE account = {account:String} AND author_id IN {users:Array(Int64)}
    UNION ALL
    SELECT ticket_id, 0 FROM tickets WHERE account = {account:String} AND submitter_id IN {users:Array(Int64)}
)
WHERE ticket_id != 0
GROUP BY ticket_id
ORDER BY ticket_id
