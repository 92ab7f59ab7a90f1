-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS phrase_hits
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `at` DateTime('UTC') COMMENT 'When the message was written or, for a subject, the ticket created, UTC',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `message_id` Int64 COMMENT 'Zendesk comment id; 0 = the subject of the ticket',
    `public` UInt8 COMMENT '1 if the requester sees it',
    `phrase_ids` Array(LowCardinality(String)) COMMENT 'Saved phrases that the text holds, by id',
    `times` Array(Int64) COMMENT 'How often each of phrase_ids begins in the text',
    `ticket_created_at` DateTime('UTC') COMMENT 'When the ticket was created, UTC',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_created ticket_created_at TYPE minmax GRANULARITY 1,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
PARTITION BY toYYYYMM(at)
ORDER BY (account, at, ticket_id, message_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Saved phrases found in messages and subjects, one row for each text that holds any';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS phrase_hits;
