-- People who match a filter.
SELECT
    account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone,
    email_permission, sms_permission, archived, organization_id, user_ids, own_ids, zendesk, custom, created_at, updated_at, '' AS sort_key
FROM people FINAL
WHERE account IN {accounts:Array(String)} AND archived = 0 AND ({{.Filter}})
    AND (account, person_id) > ({after_account:String}, {after_person:String})
ORDER BY account, person_id
LIMIT {limit:UInt32}
