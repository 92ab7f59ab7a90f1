AND (/*of*/ticket_id) NOT IN
(
    SELECT /*of*/ticket_id
    FROM tickets FINAL
    WHERE account IN {accounts:Array(String)} AND deleted + merged > 0 AND (/*left_out*/)
)
