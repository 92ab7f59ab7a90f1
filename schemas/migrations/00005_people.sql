-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS people
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `person_id` String COMMENT 'Person id',
    `source_ids` Array(String) COMMENT 'Ids of the sources that told of the person, the first one first; empty for one that only the API told of',
    `first_name` String COMMENT 'First name',
    `last_name` String COMMENT 'Last name',
    `email` String COMMENT 'Primary email address, lower case',
    `phone_number` String COMMENT 'Phone number, E.164',
    `external_id` String COMMENT 'External id as Zendesk writes it',
    `language` LowCardinality(String) COMMENT 'Locale, e.g. en-US',
    `timezone` LowCardinality(String) COMMENT 'IANA time zone',
    `email_permission` UInt8 COMMENT '1 if the person may be mailed',
    `sms_permission` UInt8 COMMENT '1 if the person may be texted',
    `archived` UInt8 COMMENT '1 if archived',
    `archived_at` Nullable(DateTime('UTC')) COMMENT 'Since when, UTC; null while it is not archived. 29 days later the person is erased',
    `organization_id` Int64 COMMENT 'Zendesk organization id; 0 = none',
    `organization_ids` Array(Int64) COMMENT 'Zendesk organizations the person is a member of, the default one first',
    `user_ids` Array(Int64) COMMENT 'Zendesk users that are this person, oldest first',
    `own_ids` Array(String) COMMENT 'Person ids of these users, the own one included',
    `zendesk` String COMMENT 'JSON object: Zendesk fields',
    `custom` String COMMENT 'JSON object: custom fields',
    `created_at` DateTime('UTC') COMMENT 'When it was created, UTC, whole seconds',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_merged length(user_ids) TYPE minmax GRANULARITY 1,
    INDEX ix_email email TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, person_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'One row for each person';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS people;
