-- +goose Up
-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_opening_hours
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `in_force_from` DateTime('UTC') COMMENT 'Since when the schedule is the default one, UTC, until the next one of the account is; 1970 = from the beginning',
    `opens_at` DateTime('UTC') COMMENT 'Begin of the span, UTC; the first one of each schedule is of no length, in 1970',
    `closes_at` DateTime('UTC') COMMENT 'End of the span, UTC, exclusive',
    `schedule_id` Int64 COMMENT 'Zendesk schedule id; 0 = there is none from then on'
) AS
SELECT `account`, `in_force_from`, toDateTime(o, 'UTC') AS `opens_at`, toDateTime(c, 'UTC') AS `closes_at`, `schedule_id`
FROM opening_hours FINAL
ARRAY JOIN opens AS o, closes AS c
WHERE is_deleted = 0
COMMENT 'Business hours of each account by the schedules that were its default one, laid out from 2007 to 2046, a row for each span: current rows';
-- +goose StatementEnd

-- +goose Down
DROP VIEW IF EXISTS current_opening_hours;
