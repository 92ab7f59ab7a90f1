-- +goose Up
-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_audience_members
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `audience_id` LowCardinality(String) COMMENT 'Audience',
    `person_id` String COMMENT 'Person that is in it',
    `since` DateTime('UTC') COMMENT 'Since when, UTC'
) AS
SELECT `account`, `audience_id`, `person_id`, `since`
FROM audience_members FINAL
WHERE is_deleted = 0
COMMENT 'Who is in which audience: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_audience_entries
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `audience_id` LowCardinality(String) COMMENT 'Audience',
    `entry_id` String COMMENT 'Identity of the entering or leaving',
    `person_id` String COMMENT 'Person at that time; resolve through person_aliases',
    `event` LowCardinality(String) COMMENT 'entered or left',
    `at` DateTime('UTC') COMMENT 'When it was found, UTC',
    `activity_id` String COMMENT 'Activity that occurred; empty = none',
    `activity` LowCardinality(String) COMMENT 'Its slug',
    `attributes` String COMMENT 'JSON object: the activity as it was, kept past retention; {} = none'
) AS
SELECT `account`, `audience_id`, `entry_id`, `person_id`, `event`, `at`, `activity_id`, `activity`, `attributes`
FROM audience_entries FINAL
WHERE is_deleted = 0
COMMENT 'Log of people entering and leaving audiences: current rows';
-- +goose StatementEnd

-- +goose Down
DROP VIEW IF EXISTS current_audience_entries;
DROP VIEW IF EXISTS current_audience_members;
