SELECT ({{if .Several}}account, {{end}}arrayJoin(user_ids)) AS user, ({{if .Several}}account, {{end}}user_ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM people FINAL
WHERE {{.Accounts}} AND length(user_ids) > 1
UNION ALL
SELECT ({{if .Several}}account, {{end}}arrayJoin(ids)) AS user, ({{if .Several}}account, {{end}}ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM
(
    SELECT account, argMax(user_ids, _ver) AS ids
    FROM people
    WHERE (account, person_id) IN
    (
        SELECT account, person_id FROM people WHERE {{.Accounts}} AND is_deleted = 1 AND length(user_ids) > 1
    )
    GROUP BY account, person_id
    HAVING argMax(is_deleted, _ver) = 1 AND length(ids) > 1
)
