-- The person with a phone number, the oldest one of several. A number beside the one shown is among the identifiers of a Zendesk user.
SELECT
    account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone, email_permission, sms_permission,
    archived, archived_at, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at
FROM people FINAL
PREWHERE account IN {accounts:Array(String)}
    AND (phone_number = {phone:String} AND phone_number != '' OR (account, person_id) IN
    (
        SELECT account, person_id
        FROM person_aliases FINAL
        PREWHERE account IN {accounts:Array(String)} AND (account, alias) IN
        (
            SELECT account, concat('zendesk:', toString(user_id))
            FROM person_identities FINAL
            PREWHERE account IN {accounts:Array(String)} AND kind = 'phone-number' AND value = {phone:String}
        )
    ))
ORDER BY created_at, account, person_id
LIMIT 1
SETTINGS max_threads = 1
