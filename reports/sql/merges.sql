-- Merges into or of some people, newest first, from behind the last one of the page before.
SELECT account, merge_id, user_id, absorbed_id, survivor_id, via_user_id, toString(reason) AS reason, at, ended_at, undone
FROM person_merges FINAL
WHERE account IN {accounts:Array(String)} AND (survivor_id IN {people:Array(String)} OR absorbed_id IN {people:Array(String)} OR merge_id = {merge:String})
    AND (at, merge_id) < (toDateTime({before:UInt32}, 'UTC'), {before_id:String})
ORDER BY at DESC, merge_id DESC
LIMIT {limit:UInt32}
