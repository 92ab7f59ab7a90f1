-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS agents
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `user_id` Int64 COMMENT 'Zendesk user id',
    `name` String COMMENT 'Name',
    `email` String COMMENT 'Email address',
    `role` LowCardinality(String) COMMENT 'Role now: agent, admin or end-user',
    `active` UInt8 COMMENT '0 once deleted',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver)
ORDER BY (account, user_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Zendesk users that are or were agents or administrators';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS agents;
