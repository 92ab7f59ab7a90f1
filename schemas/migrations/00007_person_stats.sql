-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS person_stats
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `user_id` Int64 COMMENT 'Zendesk user id',
    `tickets_total` Int64 COMMENT 'Tickets requested, deleted ones left out',
    `tickets_open` Int64 COMMENT 'Unsolved ones',
    `tickets_closed` Int64 COMMENT 'Solved or closed ones',
    `good_ratings` Int64 COMMENT 'Tickets whose latest rating is good',
    `bad_ratings` Int64 COMMENT 'Tickets whose latest rating is bad',
    `first_ticket_at` Nullable(DateTime('UTC')) COMMENT 'Creation of the first ticket, UTC; null if there is none, or if the eight oldest were deleted and it is not known',
    `last_ticket_at` Nullable(DateTime('UTC')) COMMENT 'Creation of the last ticket, UTC',
    `last_ticket_id` Int64 COMMENT 'The last ticket',
    `last_ticket_subject` String COMMENT 'Its subject',
    `last_ticket_status` LowCardinality(String) COMMENT 'Its status',
    `last_satisfaction_score` LowCardinality(String) COMMENT 'Last rating given: good or bad',
    `last_satisfaction_at` Nullable(DateTime('UTC')) COMMENT 'When it was given, UTC',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_first first_ticket_at TYPE minmax GRANULARITY 1,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver)
ORDER BY (account, user_id)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Ticket figures of each Zendesk user, kept past retention';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS person_stats;
