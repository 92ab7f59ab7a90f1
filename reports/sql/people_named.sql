-- The people that answer to some names now, how many custom fields they have, and whether the first user of each carries the address or external id itself.
SELECT a.alias AS alias, p.person_id AS person_id, p.user_ids AS user_ids, p.external_id AS external_id, p.email AS email, has(c.users, p.user_ids[1]) AS own,
    p.custom_fields AS custom_fields, p.custom_bytes AS custom_bytes, p.updated_at AS updated_at
FROM
(
    SELECT account, alias, person_id
    FROM person_aliases FINAL
    WHERE account IN {accounts:Array(String)} AND alias IN {names:Array(String)}
    UNION ALL
    SELECT account, person_id AS alias, person_id
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN {names:Array(String)}
) AS a
INNER JOIN
(
    SELECT account, person_id, user_ids, external_id, email, length(JSONExtractKeys(custom)) AS custom_fields, length(custom) AS custom_bytes, updated_at
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN
    (
        SELECT person_id
        FROM person_aliases FINAL
        WHERE account IN {accounts:Array(String)} AND alias IN {names:Array(String)}
        UNION ALL
        SELECT arrayJoin({names:Array(String)})
    )
) AS p ON p.account = a.account AND p.person_id = a.person_id
LEFT JOIN
(
    SELECT account, concat(if(kind = 'email', 'email:', 'external:'), value) AS alias, groupArray(user_id) AS users
    FROM person_identities FINAL
    WHERE account IN {accounts:Array(String)} AND kind IN ('email', 'external-id')
        AND value IN (SELECT arrayJoin(arrayMap(n -> substring(n, position(n, ':') + 1), {names:Array(String)})))
    GROUP BY account, alias
) AS c ON c.account = a.account AND c.alias = a.alias
