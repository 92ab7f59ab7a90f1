-- Users whom Zendesk deleted for good, by the rows that withdrew them, as long as no later one says that they are erased here too. Before them a row names
-- the user as whom they count, who may stay.
SELECT account, person_id, newest.1 AS source_ids, arraySlice(newest.2, -length(newest.3)) AS user_ids, newest.3 AS own_ids, newest.4 AS zendesk
FROM
(
    SELECT account, person_id, argMax((source_ids, user_ids, own_ids, zendesk), _ver) AS newest
    FROM people
    WHERE account IN {accounts:Array(String)}
        AND (account, person_id) IN (SELECT account, person_id FROM people WHERE account IN {accounts:Array(String)} AND is_deleted = 1 AND zendesk = {mark:String})
    GROUP BY account, person_id
)
WHERE newest.4 = {mark:String}
LIMIT {limit:UInt32}
