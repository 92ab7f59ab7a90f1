-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS activity_counts
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `source_id` LowCardinality(String) COMMENT 'Id of the source that brought the row',
    `activity` LowCardinality(String) COMMENT 'Slug',
    `at` DateTime('UTC') COMMENT 'Start of the quarter of an hour, UTC: days of every zone begin with one',
    `count` Int64 COMMENT 'Activities in that quarter of an hour',
    `connected` Int64 COMMENT 'Of these, those that happened while the source was not disconnected',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver)
ORDER BY (account, activity, at, source_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Number of activities by quarter of an hour, kept past retention';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS activity_counts;
