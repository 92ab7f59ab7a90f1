-- Merges into or of some people, newest first.
SELECT account, merge_id, user_id, absorbed_id, survivor_id, via_user_id, toString(reason) AS reason, at, ended_at, undone
FROM person_merges FINAL
WHERE account IN {accounts:Array(String)} AND (survivor_id IN {people:Array(String)} OR absorbed_id IN {people:Array(String)} OR merge_id = {merge:String})
ORDER BY at DESC, merge_id
LIMIT {limit:UInt32}
