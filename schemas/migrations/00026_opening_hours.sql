-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS opening_hours
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `in_force_from` DateTime('UTC') COMMENT 'Since when the schedule is the default one, UTC, until the next one of the account is; 1970 = from the beginning',
    `year` Int64 COMMENT 'Local year of the spans; 1970 holds one of no length',
    `opens` Array(Int64) COMMENT 'Begin of each span, seconds since 1970, ascending',
    `closes` Array(Int64) COMMENT 'End of each span, seconds since 1970, exclusive',
    `open_before_s` Int64 COMMENT 'Open seconds in all earlier years of the schedule',
    `schedule_id` Int64 COMMENT 'Zendesk schedule id; 0 = there is none from then on',
    `is_deleted` UInt8 COMMENT '1 withdraws the row; FINAL leaves it out',
    `_seq` UInt64 COMMENT 'Stream position of the output that made the row',
    `_ver` UInt64 COMMENT 'Version: stream generation and position; the largest wins',
    `_batch` String COMMENT 'Token of the insert that brought the row',
    INDEX ix_seq _seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_ver, is_deleted)
ORDER BY (account, in_force_from, year)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Business hours of each account by the schedules that were its default one, laid out from 2007 to 2046';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS opening_hours;
