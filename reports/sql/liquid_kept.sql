-- Triggering activities that were kept with an entry of an audience. owner is the person now.
SELECT account, owner, attributes
FROM
(
    SELECT toString(account) AS account, transform(person_id, {persons:Array(String)}, {owners:Array(String)}, '') AS owner, activity_id, attributes
    FROM audience_entries FINAL
    WHERE account IN {accounts:Array(String)} AND activity_id IN {triggers:Array(String)} AND person_id IN {persons:Array(String)}
)
LIMIT 1 BY account, owner, activity_id
