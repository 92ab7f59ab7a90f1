-- Users that may be the same person as another by some identifiers, or are now, with all their identifiers.
WITH
    shared AS
    (
        SELECT kind, value
        FROM person_identities FINAL
        WHERE account = {account:String} AND strong = 1 AND kind IN {kinds:Array(String)}
        GROUP BY kind, value
        HAVING count() BETWEEN 2 AND {sharers:UInt32}
    ),
    users AS
    (
        SELECT user_id
        FROM person_identities FINAL
        WHERE account = {account:String} AND strong = 1 AND (kind, value) IN (SELECT kind, value FROM shared)
        UNION DISTINCT
        SELECT arrayJoin(user_ids)
        FROM people FINAL
        WHERE account = {account:String} AND length(user_ids) > 1
    )
SELECT user_id, toString(kind) AS kind, value, strong, created_at
FROM person_identities FINAL
WHERE account = {account:String} AND user_id IN (SELECT user_id FROM users)
ORDER BY user_id, kind, value
LIMIT {limit:UInt32}
