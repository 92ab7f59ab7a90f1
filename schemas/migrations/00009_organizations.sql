-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS organizations
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `organization_id` Int64 COMMENT 'Zendesk organization id',
    `source_id` LowCardinality(String) COMMENT 'Id of the source that brought the row',
    `name` String COMMENT 'Name',
    `external_id` String COMMENT 'External id',
    `zendesk` String COMMENT 'JSON object: Zendesk fields',
    `archived` UInt8 COMMENT '1 if archived',
    `created_at` DateTime('UTC') COMMENT 'When it was created, UTC, whole seconds',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, organization_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Organizations';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS organizations;
