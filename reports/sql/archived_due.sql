-- People that were archived and whose users Zendesk deleted, all of them, and about whom nothing was told since a time.
SELECT
    account, person_id, source_id, first_name, last_name, email, phone_number, external_id, language, timezone,
    email_permission, sms_permission, archived, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at
FROM people FINAL
WHERE account IN {accounts:Array(String)}
    AND archived = 1
    AND updated_at <= {before:DateTime('UTC')}
    AND JSONType(zendesk, 'active') = 'Bool'
    AND NOT JSONExtractBool(zendesk, 'active')
    AND NOT arrayExists(id -> id >= {own:Int64}, user_ids)
ORDER BY updated_at, person_id
LIMIT {limit:UInt32}
