-- Seconds of each answered next reply, by the time of the ticket's creation (M9).
SELECT
    bucket,
    /*keys*/ AS keys,
    /*figures*/
FROM
(
    SELECT roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket, /*by*/answered AS seconds
    FROM
    (
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE account IN {accounts:Array(String)}
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
            AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
            AND /*counted*/
    ) AS t
    INNER JOIN
    (
        SELECT account, ticket_id, if(toUnixTimestamp(at) + seconds <= {as_of:UInt32}, /*seconds*/, NULL) AS answered
        FROM ticket_events FINAL
        WHERE account IN {accounts:Array(String)} AND kind = 'next' AND at <= toDateTime({as_of:UInt32}, 'UTC')
    ) AS n USING (account, ticket_id)
    WHERE 1 /*filters*/
)
GROUP BY bucket/*and_by*/
