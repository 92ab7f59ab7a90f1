-- Seconds from creation to the last solve of tickets that are solved or closed, by the time of the ticket's creation (M14b).
SELECT
    bucket,
    /*keys*/ AS keys,
    /*figures*/
FROM
(
    SELECT roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket, /*by*//*seconds*/ AS seconds
    FROM
    (
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE account IN {accounts:Array(String)}
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
            AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
            AND /*counted*/
    ) AS t
    /*then*/LEFT ANY JOIN (/*last_solves*/) AS s USING (account, ticket_id)/*now*//*end*/
    WHERE 1 /*filters*/
)
GROUP BY bucket/*and_by*/
