-- People in an audience, those who entered last first.
SELECT m.person_id AS person_id, trimBoth(concat(p.first_name, ' ', p.last_name)) AS name, p.email AS email, m.since AS since
FROM
(
    SELECT account, person_id, since
    FROM audience_members FINAL
    WHERE account IN {accounts:Array(String)} AND audience_id = {audience:String}
        AND (since, person_id) < (toDateTime({before:UInt32}, 'UTC'), {before_id:String})
    ORDER BY since DESC, person_id DESC
    LIMIT {limit:UInt32}
) AS m
LEFT ANY JOIN
(
    SELECT account, person_id, first_name, last_name, email
    FROM people FINAL
    WHERE account IN {accounts:Array(String)}
        AND person_id IN (SELECT person_id FROM audience_members WHERE account IN {accounts:Array(String)} AND audience_id = {audience:String})
) AS p ON p.account = m.account AND p.person_id = m.person_id
ORDER BY since DESC, person_id DESC
