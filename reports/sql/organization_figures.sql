-- People and tickets of organizations, deleted tickets left out.
SELECT
    organization_id, sum(people) AS people_total, sum(tickets) AS tickets_total, sum(open) AS tickets_open,
    if(sum(good + bad) = 0, NULL, 100 * sum(good) / sum(good + bad)) AS satisfaction_percent
FROM
(
    SELECT organization_id, count() AS people, 0 AS tickets, 0 AS open, 0 AS good, 0 AS bad
    FROM (SELECT arrayJoin(organization_ids) AS organization_id FROM people FINAL WHERE account IN {accounts:Array(String)} AND hasAny(organization_ids, {ids:Array(Int64)}))
    WHERE organization_id IN {ids:Array(Int64)}
    GROUP BY organization_id
    UNION ALL
    SELECT
        organization_id, 0 AS people, count() AS tickets, countIf(status IN ('new', 'open', 'pending', 'hold')) AS open,
        countIf(csat = 'good') AS good, countIf(csat = 'bad') AS bad
    FROM tickets FINAL
    WHERE account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)} AND deleted = 0
    GROUP BY organization_id
)
GROUP BY organization_id
