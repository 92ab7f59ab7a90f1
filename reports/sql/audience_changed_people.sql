-- Rows of people behind one position and up to another.
SELECT
    toString(account) AS account, person_id, source_ids, first_name, last_name, email, phone_number, external_id,
    toString(language) AS language, toString(timezone) AS timezone, email_permission, sms_permission, archived, organization_id, organization_ids, user_ids,
    own_ids, zendesk, custom, created_at, updated_at, is_deleted, _seq, _ver
FROM people{{if .Final}} FINAL{{end}}
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64}
