-- The person that answers to a name now; the ids of people are among the names.
SELECT
    account, person_id, source_id, first_name, last_name, email, phone_number, external_id, language, timezone,
    email_permission, sms_permission, archived, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at,
    '' AS sort_key
FROM people FINAL
WHERE account IN {accounts:Array(String)}
    AND (account, person_id) IN
    (
        SELECT account, person_id
        FROM person_aliases FINAL
        WHERE account IN {accounts:Array(String)} AND alias = {alias:String}
    )
ORDER BY created_at
LIMIT 1
SETTINGS max_threads = 1, optimize_move_to_prewhere_if_final = 1
