AND (/*of*/ticket_id) NOT IN
(
    SELECT /*of*/ticket_id
    FROM tickets FINAL
    PREWHERE (account, created_at, ticket_id) IN (SELECT account, created_at, ticket_id FROM tickets WHERE account IN {accounts:Array(String)} AND (/*left_out*/))
    WHERE /*left_out*/
)
