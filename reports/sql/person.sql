-- The person that answers to a name now; the ids of people are among the names.
SELECT
    account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone, email_permission, sms_permission,
    archived, archived_at, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at
FROM people FINAL
PREWHERE account IN {accounts:Array(String)}
    AND (account, person_id) IN
    (
        SELECT account, person_id
        FROM person_aliases FINAL
        PREWHERE account IN {accounts:Array(String)} AND alias = {alias:String}
        UNION ALL
        SELECT arrayJoin({accounts:Array(String)}), {alias:String}
    )
ORDER BY created_at, account
LIMIT 1
SETTINGS max_threads = 1
