-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS names
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `kind` LowCardinality(String) COMMENT 'group, brand, ticket_form, custom_status, schedule, ticket_field, user_field or organization_field',
    `id` Int64 COMMENT 'Zendesk id',
    `name` String COMMENT 'Name or title',
    `key` String COMMENT 'Fields: key in merge tags',
    `type` LowCardinality(String) COMMENT 'Fields: type',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, kind, id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Names of groups, brands, forms, custom statuses, schedules and fields';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS names;
