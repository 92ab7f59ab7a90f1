-- The people that some users are now. A name of before may bring somebody more, which does no harm.
SELECT
    account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone, email_permission, sms_permission, archived,
    organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at
FROM people FINAL
PREWHERE account IN {accounts:Array(String)} AND person_id IN
(
    SELECT person_id FROM person_aliases WHERE account IN {accounts:Array(String)} AND alias IN {names:Array(String)}
    UNION ALL
    SELECT arrayJoin({names:Array(String)})
)
