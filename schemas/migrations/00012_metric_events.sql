-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS metric_events
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `event_id` Int64 COMMENT 'Zendesk metric event id',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `metric` LowCardinality(String) COMMENT 'reply_time, agent_work_time, requester_wait_time, ...',
    `instance_id` Int64 COMMENT 'Which occurrence of the metric on the ticket',
    `type` LowCardinality(String) COMMENT 'activate, pause, fulfill, apply_sla, breach, update_status, measure',
    `at` DateTime('UTC') COMMENT 'When, UTC',
    `withdrawn` UInt8 COMMENT '1 if Zendesk withdrew it',
    `target_s` Int64 COMMENT 'apply_sla: target in seconds',
    `business_hours` UInt8 COMMENT 'apply_sla: 1 if the target counts business hours',
    `policy_id` Int64 COMMENT 'apply_sla: policy',
    `policy` String COMMENT 'apply_sla: title of the policy',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver)
ORDER BY (account, ticket_id, metric, instance_id, event_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Zendesk ticket metric events (SLA)';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS metric_events;
