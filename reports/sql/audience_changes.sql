-- Users of whom something changed between two positions, in order of the position.
SELECT toString(account) AS account, user_id, seq
FROM
(
    SELECT account, arrayJoin(user_ids) AS user_id, _seq AS seq FROM people WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
    UNION ALL
    SELECT account, user_id, _seq AS seq FROM activities WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64} AND user_id != 0
    UNION ALL
    SELECT account, user_id, _seq AS seq FROM person_stats WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
    UNION ALL
    SELECT account, user_id, _seq AS seq FROM person_activities WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
    UNION ALL
    SELECT p.account AS account, p.user_ids[1] AS user_id, o._seq AS seq
    FROM people AS p
    INNER JOIN (SELECT account, organization_id, _seq FROM organizations WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}) AS o
        ON o.account = p.account AND o.organization_id = p.organization_id
)
WHERE account IN {accounts:Array(String)} AND user_id != 0
ORDER BY seq
LIMIT {limit:UInt32} WITH TIES
