-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS person_activities
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `user_id` Int64 COMMENT 'Zendesk user id',
    `activity` LowCardinality(String) COMMENT 'Slug',
    `first_at` DateTime('UTC') COMMENT 'First occurrence, UTC',
    `last_at` DateTime('UTC') COMMENT 'Last occurrence, UTC',
    `count` Int64 COMMENT 'Occurrences',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver)
ORDER BY (account, user_id, activity)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'First and last occurrence and count of each activity of each Zendesk user, kept past retention';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS person_activities;
