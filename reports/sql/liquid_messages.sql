-- Of tickets the newest message that the requester sees, and whether the first one is seen too. A message may have become private: FINAL comes first.
SELECT account, ticket_id, argMaxIf(body, (at, message_id), public = 1) AS newest, argMin(public, (at, message_id)) AS first_public
FROM messages FINAL
PREWHERE account IN {accounts:Array(String)} AND ticket_id IN {tickets:Array(Int64)}
GROUP BY account, ticket_id
