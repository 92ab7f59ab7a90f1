-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS activities
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `activity` LowCardinality(String) COMMENT 'Slug, e.g. ticket-created',
    `occurred_at` DateTime('UTC') COMMENT 'When it happened, UTC, whole seconds',
    `activity_id` String COMMENT 'Identity of the fact; the same by webhook and by poll',
    `source_id` LowCardinality(String) COMMENT 'Id of the source that brought the row',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `person_id` String COMMENT 'Own person id of the user it belongs to; empty = none; resolve through person_aliases',
    `user_id` Int64 COMMENT 'Zendesk user it belongs to: requester or contact; 0 = none',
    `organization_id` Int64 COMMENT 'Zendesk organization id; 0 = none',
    `actor_id` Int64 COMMENT 'Zendesk user who did it; -1 the system, 0 unknown',
    `assignee_id` Int64 COMMENT 'Zendesk user id of the assignee; 0 = none',
    `group_id` Int64 COMMENT 'Zendesk group id; 0 = none',
    `brand_id` Int64 COMMENT 'Zendesk brand id; 0 = none',
    `form_id` Int64 COMMENT 'Zendesk ticket form id; 0 = none',
    `channel` LowCardinality(String) COMMENT 'via.channel as Zendesk writes it, lower case',
    `priority` LowCardinality(String) COMMENT 'low, normal, high, urgent or empty',
    `type` LowCardinality(String) COMMENT 'problem, incident, question, task or empty',
    `status` LowCardinality(String) COMMENT 'Status after the change, lower case',
    `previous_status` LowCardinality(String) COMMENT 'Status before a status change',
    `subject` String COMMENT 'Ticket subject at that time',
    `message` String COMMENT 'Plain text of the comment; empty once redacted',
    `tags` Array(LowCardinality(String)) COMMENT 'Tags at that time',
    `text` String COMMENT 'One line for a feed',
    `attributes` String COMMENT 'JSON object: what is special to the activity',
    `via` LowCardinality(String) COMMENT 'How it was first learned: webhook or poll',
    `expires_at` DateTime('UTC') COMMENT 'End of retention, UTC; not shown from then on',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_person person_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_ticket ticket_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (account, activity, occurred_at, ticket_id, activity_id)
TTL expires_at DELETE
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Everything that happened to tickets, contacts and organizations, one row each; kept by retention';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS activities;
