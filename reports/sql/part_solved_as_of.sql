SELECT *
FROM (/*tickets*/) AS t
INNER JOIN (/*last_solves*/) AS s USING (account, ticket_id)
