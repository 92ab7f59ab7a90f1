-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS person_identities
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `kind` LowCardinality(String) COMMENT 'external-id, email or phone-number',
    `value` String COMMENT 'The identifier, lower case; phone numbers in E.164',
    `user_id` Int64 COMMENT 'User that carries it; from 2^60 on it is not a Zendesk user',
    `strong` UInt8 COMMENT '1: may merge people, as a verified address does; 0: only finds them',
    `created_at` DateTime('UTC') COMMENT 'When the user was created, UTC: the older person survives a merge',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, kind, value, user_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Identifiers by which users may be the same person';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS person_identities;
