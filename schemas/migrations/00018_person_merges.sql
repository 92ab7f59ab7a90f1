-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS person_merges
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `merge_id` String COMMENT 'Identity of the merge',
    `user_id` Int64 COMMENT 'User whose person was absorbed',
    `absorbed_id` String COMMENT 'Own person id of that user',
    `survivor_id` String COMMENT 'Person that absorbed it',
    `via_user_id` Int64 COMMENT 'User of the survivor that it is the same as',
    `reason` LowCardinality(String) COMMENT 'zendesk, manual, or the identifier both carry',
    `at` DateTime('UTC') COMMENT 'When it was noticed, UTC',
    `ended_at` Nullable(DateTime('UTC')) COMMENT 'When it ended, UTC; null while it is in force',
    `undone` UInt8 COMMENT '1: somebody undid it; 0: the identifier went, or it is in force',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, merge_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Log of merged people';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS person_merges;
