-- People and tickets of some organizations or of every one, deleted tickets left out.
SELECT
    account, organization_id, sum(people) AS people_total, sum(tickets) AS tickets_total, sum(open) AS tickets_open,
    if(sum(good + bad) = 0, NULL, 100 * sum(good) / sum(good + bad)) AS satisfaction_percent
FROM
(
    SELECT account, member_of AS organization_id, count() AS people, 0 AS tickets, 0 AS open, 0 AS good, 0 AS bad
    FROM
    (
        SELECT account, organization_id AS standard, arrayJoin(organization_ids) AS member_of
        FROM people FINAL
        WHERE account IN {accounts:Array(String)} AND ({every_organization:UInt8} = 1 OR hasAny(organization_ids, {organizations:Array(Int64)}))
    )
    WHERE ({every_organization:UInt8} = 1 OR member_of IN {organizations:Array(Int64)})
        -- Nobody is a member of one that ended, but for whom it is still the default one.
        AND (member_of = standard OR (account, member_of) NOT IN
        (
            SELECT account, organization_id
            FROM organizations FINAL
            WHERE account IN {accounts:Array(String)} AND ({every_organization:UInt8} = 1 OR organization_id IN {organizations:Array(Int64)})
                AND JSONHas(zendesk, 'active') AND NOT JSONExtractBool(zendesk, 'active')
        ))
    GROUP BY account, organization_id
    UNION ALL
    SELECT
        account, organization_id, 0 AS people, count() AS tickets, countIf(status IN ('new', 'open', 'pending', 'hold')) AS open,
        countIf(csat = 'good') AS good, countIf(csat = 'bad') AS bad
    FROM tickets FINAL
    WHERE account IN {accounts:Array(String)} AND deleted = 0 AND ({every_organization:UInt8} = 1 OR organization_id IN {organizations:Array(Int64)})
    GROUP BY account, organization_id
)
GROUP BY account, organization_id
