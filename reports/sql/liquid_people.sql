-- The people that answer to names now, with the name that each was asked for by.
SELECT
    asked.alias AS alias,
    p.account AS account, p.person_id AS person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone,
    email_permission, sms_permission, archived, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at
FROM
(
    SELECT account, alias, person_id
    FROM person_aliases FINAL
    WHERE account IN {accounts:Array(String)} AND alias IN {names:Array(String)}
    UNION ALL
    SELECT account, person_id AS alias, person_id
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN {names:Array(String)}
) AS asked
INNER JOIN
(
    SELECT *
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND person_id IN
    (
        SELECT person_id FROM person_aliases FINAL WHERE account IN {accounts:Array(String)} AND alias IN {names:Array(String)}
        UNION ALL
        SELECT arrayJoin({names:Array(String)})
    )
) AS p ON p.account = asked.account AND p.person_id = asked.person_id
ORDER BY alias, created_at, account
LIMIT 1 BY alias
