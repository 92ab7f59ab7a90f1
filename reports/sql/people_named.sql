-- The people that answer to some names now.
SELECT a.alias AS alias, p.person_id AS person_id, p.user_ids AS user_ids, p.external_id AS external_id
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
    SELECT account, person_id, user_ids, external_id
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
