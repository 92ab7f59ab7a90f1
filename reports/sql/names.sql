-- Names of ids: agents, organizations, or what the kind says.
SELECT id, any(name) AS name
FROM
(
    SELECT user_id AS id, name
    FROM agents FINAL
    WHERE {kind:String} = 'agent' AND account IN {accounts:Array(String)} AND user_id IN {ids:Array(Int64)}
    UNION ALL
    SELECT organization_id AS id, name
    FROM organizations FINAL
    WHERE {kind:String} = 'organization' AND account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)}
    UNION ALL
    SELECT id, name
    FROM names FINAL
    WHERE kind = {kind:String} AND account IN {accounts:Array(String)} AND id IN {ids:Array(Int64)}
)
GROUP BY id
