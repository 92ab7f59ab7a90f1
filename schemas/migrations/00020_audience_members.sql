-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS audience_members
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `audience_id` LowCardinality(String) COMMENT 'Audience',
    `person_id` String COMMENT 'Person that is in it',
    `since` DateTime('UTC') COMMENT 'Since when, UTC',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_person person_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, audience_id, person_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Who is in which audience';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS audience_members;
