-- The people that own person ids belong to now, with their names.
SELECT a.alias AS own_id, a.person_id AS person_id, n.name AS name
FROM
(
    SELECT account, alias, person_id
    FROM person_aliases FINAL
    WHERE account IN {accounts:Array(String)} AND alias IN {ids:Array(String)}
    UNION ALL
    SELECT account, person_id AS alias, person_id
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN {ids:Array(String)}
) AS a
LEFT ANY JOIN
(
    SELECT account, person_id, trimBoth(concat(first_name, ' ', last_name)) AS name
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN
    (
        SELECT person_id
        FROM person_aliases FINAL
        WHERE account IN {accounts:Array(String)} AND alias IN {ids:Array(String)}
        UNION ALL
        SELECT arrayJoin({ids:Array(String)})
    )
) AS n ON n.account = a.account AND n.person_id = a.person_id
