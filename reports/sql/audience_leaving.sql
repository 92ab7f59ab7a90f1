-- People in an audience who do not match its filter.
SELECT account, person_id, user_ids[1] AS user_id, source_ids[-1] AS source_id
FROM people FINAL
WHERE account IN {accounts:Array(String)} AND NOT (archived = 0 AND ({{.Filter}}))
    AND (account, person_id) IN (SELECT account, person_id FROM audience_members FINAL WHERE account IN {accounts:Array(String)} AND audience_id = {audience:String})
    AND (account, person_id) > ({after_account:String}, {after_person:String})
ORDER BY account, person_id
LIMIT {limit:UInt32}
