-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS person_aliases
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `alias` String COMMENT 'zendesk:<id>, email:<address>, external:<id> or the id of a person that another one absorbed; lower case',
    `person_id` String COMMENT 'Person that answers to it; in a withdrawn row the last one that did',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, alias)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Names by which a person is found';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS person_aliases;
