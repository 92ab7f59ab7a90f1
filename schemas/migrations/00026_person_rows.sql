-- +goose Up
ALTER TABLE people ADD COLUMN IF NOT EXISTS `_row` String ALIAS toJSONString(CAST((
        account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, timezone, email_permission, sms_permission,
        archived, formatDateTime(archived_at, '%FT%TZ'), organization_id, organization_ids, user_ids, own_ids, zendesk, custom, formatDateTime(created_at, '%FT%TZ'),
        formatDateTime(updated_at, '%FT%TZ')
    ), 'Tuple(
        account String, person_id String, source_ids Array(String), first_name String, last_name String, email String, phone_number String,
        external_id String, language String, timezone String, email_permission UInt8, sms_permission UInt8, archived UInt8, archived_at Nullable(String),
        organization_id Int64,
        organization_ids Array(Int64), user_ids Array(Int64), own_ids Array(String), zendesk String, custom String, created_at String,
        updated_at String
    )'))
    COMMENT 'The row as JSON, as a person is looked up while no processor answers; not stored';

-- +goose Down
ALTER TABLE people DROP COLUMN IF EXISTS `_row`;
