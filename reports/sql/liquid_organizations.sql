-- Organizations of people, on request with the figures of their people and tickets, deleted tickets left out.
SELECT
    o.account AS account, o.organization_id AS organization_id, source_id, name, external_id, zendesk, archived, created_at, updated_at,
    members.number AS people_total, t.number AS tickets_total, t.unsolved AS tickets_open,
    if(t.rated = 0, NULL, 100 * t.good / t.rated) AS satisfaction_percent
FROM
(
    SELECT * FROM organizations FINAL WHERE account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)}
) AS o
LEFT JOIN
(
    SELECT account, organization_id, count() AS number
    FROM people FINAL
    WHERE {figures:UInt8} = 1 AND account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)}
    GROUP BY account, organization_id
) AS members ON members.account = o.account AND members.organization_id = o.organization_id
LEFT JOIN
(
    SELECT
        account, organization_id, count() AS number, countIf(status IN ('new', 'open', 'pending', 'hold')) AS unsolved,
        countIf(csat = 'good') AS good, countIf(csat IN ('good', 'bad')) AS rated
    FROM tickets FINAL
    WHERE {figures:UInt8} = 1 AND account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)} AND deleted = 0
    GROUP BY account, organization_id
) AS t ON t.account = o.account AND t.organization_id = o.organization_id
