-- People in an accepted order, from behind the last one of the page before. Archived ones are not searched.
WITH text -> replaceAll(replaceAll(lowerUTF8(text), 'i\xCC\x87', 'i'), 'ς', 'σ') AS lower_of
SELECT
    account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone,
    email_permission, sms_permission, archived, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at,
    {{.Sort}} AS sort_key
FROM people FINAL
WHERE account IN {accounts:Array(String)}
    AND ({sourced:UInt8} = 0 OR notEmpty(source_ids))
    AND ({text:String} = '' OR archived = 0 AND position(lower_of(concat(first_name, ' ', last_name, '\n', email, '\n', external_id, '\n', phone_number)), lower_of({text:String})) > 0)
    AND ({{.Filter}})
    AND ({further:UInt8} = 0 OR (sort_key, person_id) {{if .Descending}}<{{else}}>{{end}} ({after_key:String}, {after_id:String}))
ORDER BY sort_key {{if .Descending}}DESC{{else}}ASC{{end}}, person_id {{if .Descending}}DESC{{else}}ASC{{end}}
LIMIT {limit:UInt32}
