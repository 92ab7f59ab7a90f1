-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS audience_entries
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `audience_id` LowCardinality(String) COMMENT 'Audience',
    `entry_id` String COMMENT 'Identity of the entering or leaving',
    `person_id` String COMMENT 'Person at that time; resolve through person_aliases',
    `event` LowCardinality(String) COMMENT 'entered or left',
    `at` DateTime('UTC') COMMENT 'When it was found, UTC',
    `activity_id` String COMMENT 'Activity that occurred; empty = none',
    `activity` LowCardinality(String) COMMENT 'Its slug',
    `attributes` String COMMENT 'JSON object: the activity as it was, kept past retention; {} = none',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_activity activity_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, audience_id, at, entry_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Log of people entering and leaving audiences';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS audience_entries;
