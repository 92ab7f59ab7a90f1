-- People that were archived at a time or before.
SELECT
    account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone,
    email_permission, sms_permission, archived, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at
FROM people FINAL
WHERE account IN {accounts:Array(String)} AND archived = 1 AND archived_at <= {before:DateTime('UTC')}
ORDER BY archived_at, person_id
LIMIT {limit:UInt32}
