-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ratings
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `rating_id` Int64 COMMENT 'Zendesk rating id',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `requester_id` Int64 COMMENT 'Zendesk user id of the requester',
    `assignee_id` Int64 COMMENT 'Assignee when it was rated; 0 = none',
    `group_id` Int64 COMMENT 'Group when it was rated; 0 = none',
    `score` LowCardinality(String) COMMENT 'offered, unoffered, good or bad',
    `comment` String COMMENT 'What the customer wrote',
    `reason` String COMMENT 'Reason chosen for a bad rating',
    `reason_id` Int64 COMMENT 'Zendesk id of the reason; 0 = none',
    `url` String COMMENT 'API address of the rating',
    `created_at` DateTime('UTC') COMMENT 'When it was created, UTC, whole seconds',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver)
ORDER BY (account, rating_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Satisfaction rating records in their latest form';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS ratings;
