-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS ticket_events
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `kind` LowCardinality(String) COMMENT 'create, solve, close, reopen, assign, group, reply, next, state or rating',
    `at` DateTime('UTC') COMMENT 'When it happened or began, UTC',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `event_id` String COMMENT 'Audit, comment or rating id with what makes it unique',
    `until` DateTime('UTC') COMMENT 'state, rating: until when it held, UTC; 2106-02-07 06:28:15 while it does',
    `actor_id` Int64 COMMENT 'Zendesk user who did it; -1 the system',
    `assignee_id` Int64 COMMENT 'Assignee after the change, or of the rating record; 0 = none',
    `group_id` Int64 COMMENT 'Group after the change, or of the rating record; 0 = none',
    `previous_id` Int64 COMMENT 'assign, group: the one before; 0 = none',
    `status` LowCardinality(String) COMMENT 'Status after the change',
    `score` LowCardinality(String) COMMENT 'rating: offered, good or bad',
    `seconds` Nullable(Int64) COMMENT 'next: seconds until the answer, null while pending',
    `business_seconds` Nullable(Int64) COMMENT 'Seconds within business hours, null without a schedule. solve: since the creation; next: until the answer; state: of the spell, null until its status ended',
    `last` UInt8 COMMENT 'solve, rating: 1 on the last one of the ticket',
    `priority` LowCardinality(String) COMMENT 'Current priority; state: the one in force',
    `channel` LowCardinality(String) COMMENT 'via.channel as Zendesk writes it, lower case',
    `type` LowCardinality(String) COMMENT 'problem, incident, question, task or empty',
    `tags` Array(LowCardinality(String)) COMMENT 'Tags of the ticket, current',
    `brand_id` Int64 COMMENT 'Zendesk brand id; 0 = none',
    `organization_id` Int64 COMMENT 'Zendesk organization id; 0 = none',
    `form_id` Int64 COMMENT 'Zendesk ticket form id; 0 = none',
    `requester_id` Int64 COMMENT 'Zendesk user id of the requester',
    `deleted` UInt8 COMMENT '1 while the ticket is deleted in Zendesk',
    `merged` UInt8 COMMENT '1 if the ticket was absorbed',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_ticket ticket_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_unsolved if(status = 'solved', 0, if(status = 'closed', 0, toUnixTimestamp(until))) TYPE minmax GRANULARITY 1,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
PARTITION BY toYYYYMM(at)
ORDER BY (account, kind, at, ticket_id, event_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Dated facts of tickets: creation, solves, closes, reopens, assignments, replies, status spells, ratings; dimensions are current';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS ticket_events;
