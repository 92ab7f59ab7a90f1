-- Assignees and groups that tickets went through, and agents who wrote in them, by the time of the ticket's creation (M19, M20, M31).
SELECT
    roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    sum(/*then*/toInt64(assigned)/*now*/assignee_stations/*end*/) AS assignee_stations,
    sum(/*then*/toInt64(grouped)/*now*/group_stations/*end*/) AS group_stations,
    sum(/*then*/toInt64(authors)/*now*/handoffs/*end*/) AS handoffs
FROM
(
    SELECT *, status AS current_status
    FROM tickets FINAL
    WHERE account IN {accounts:Array(String)}
        AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
        AND /*counted*/
) AS t
/*then*/LEFT ANY JOIN
(
    SELECT account, ticket_id, countIf(kind = 'assign' AND assignee_id != 0) AS assigned, countIf(kind = 'group' AND group_id != 0) AS grouped
    FROM ticket_events FINAL
    WHERE account IN {accounts:Array(String)} AND kind IN ('assign', 'group') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    GROUP BY account, ticket_id
) AS s USING (account, ticket_id)
LEFT ANY JOIN
(
    SELECT account, ticket_id, uniqExact(author_id) AS authors
    FROM messages FINAL
    WHERE account IN {accounts:Array(String)} AND author_role = 'agent' AND at <= toDateTime({as_of:UInt32}, 'UTC')
    GROUP BY account, ticket_id
) AS m USING (account, ticket_id)/*now*//*end*/
WHERE 1 /*filters*/
GROUP BY bucket/*and_by*/
