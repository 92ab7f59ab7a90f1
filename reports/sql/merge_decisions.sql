-- Merges that hold whatever the identifiers are, and those somebody undid.
SELECT account, merge_id, user_id, absorbed_id, survivor_id, via_user_id, toString(reason) AS reason, at, ended_at, undone
FROM person_merges FINAL
WHERE account = {account:String} AND (undone = 1 OR ended_at IS NULL AND reason IN ('manual', 'zendesk'))
