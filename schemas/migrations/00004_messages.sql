-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS messages
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `at` DateTime('UTC') COMMENT 'When it was written, UTC',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `message_id` Int64 COMMENT 'Zendesk comment id',
    `author_id` Int64 COMMENT 'Zendesk user id of the author; -1 the system',
    `author_role` LowCardinality(String) COMMENT 'agent, end_user, system or unknown, when it was written',
    `public` UInt8 COMMENT '1 if the requester sees it',
    `body` String COMMENT 'Plain text; empty once redacted as a whole',
    `tokens` String COMMENT 'The text as words for phrase search: NFKC, lower case, single spaces',
    `redacted` UInt8 COMMENT '1 once redacted',
    `ticket_created_at` DateTime('UTC') COMMENT 'When the ticket was created, UTC',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_tokens tokens TYPE text(tokenizer = splitByString([' '])),
    INDEX ix_created ticket_created_at TYPE minmax GRANULARITY 32,
    INDEX ix_ticket ticket_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
PARTITION BY toYYYYMM(at)
ORDER BY (account, at, ticket_id, message_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Comments of tickets';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS messages;
