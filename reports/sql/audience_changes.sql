-- Users of whom something changed between two positions, each with the first place of a change and what changed, in order of the place.
SELECT toString(account) AS account, user_id, min(seq) AS seq, groupUniqArray(what) AS what
FROM
(
    SELECT account, arrayJoin(user_ids) AS user_id, _seq AS seq, 'person' AS what FROM people WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
    UNION ALL
    SELECT account, user_id, _seq AS seq, concat('activity ', activity) AS what FROM activities WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64} AND user_id != 0
    UNION ALL
    SELECT account, user_id, _seq AS seq, 'figures' AS what FROM person_stats WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
    UNION ALL
    SELECT account, user_id, _seq AS seq, concat('ever ', activity) AS what FROM person_activities WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
    UNION ALL
    SELECT p.account AS account, p.user_ids[1] AS user_id, o._seq AS seq, 'organization' AS what
    FROM people AS p
    INNER JOIN (SELECT account, organization_id, _seq FROM organizations WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}) AS o
        ON o.account = p.account AND o.organization_id = p.organization_id
    UNION ALL
    -- Figures of an organization change with its people and its tickets.
    SELECT p.account AS account, p.user_ids[1] AS user_id, o.seq AS seq, 'organization' AS what
    FROM people AS p
    INNER JOIN
    (
        SELECT account, organization_id, min(seq) AS seq
        FROM
        (
            SELECT account, organization_id, _seq AS seq FROM tickets WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
            UNION ALL
            SELECT account, arrayJoin(organization_ids) AS organization_id, _seq AS seq FROM people WHERE _seq > {from:UInt64} AND _seq <= {to:UInt64}
        )
        WHERE {organization_figures:UInt8} = 1 AND organization_id != 0
        GROUP BY account, organization_id
    ) AS o ON o.account = p.account AND o.organization_id = p.organization_id
)
WHERE account IN {accounts:Array(String)} AND user_id != 0
GROUP BY account, user_id
ORDER BY seq
LIMIT {limit:UInt32} WITH TIES
