-- +goose Up
-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_person_identities
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `kind` LowCardinality(String) COMMENT 'external-id, email or phone-number',
    `value` String COMMENT 'The identifier, lower case; phone numbers in E.164',
    `user_id` Int64 COMMENT 'User that carries it; from 2^60 on it is not a Zendesk user',
    `strong` UInt8 COMMENT '1: may merge people, as a verified address does; 0: only finds them',
    `created_at` DateTime('UTC') COMMENT 'When the user was created, UTC: the older person survives a merge'
) AS
SELECT `account`, `kind`, `value`, `user_id`, `strong`, `created_at`
FROM person_identities FINAL
WHERE is_deleted = 0
COMMENT 'Identifiers by which users may be the same person: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_person_merges
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `merge_id` String COMMENT 'Identity of the merge',
    `user_id` Int64 COMMENT 'User whose person was absorbed',
    `absorbed_id` String COMMENT 'Own person id of that user',
    `survivor_id` String COMMENT 'Person that absorbed it',
    `via_user_id` Int64 COMMENT 'User of the survivor that it is the same as',
    `reason` LowCardinality(String) COMMENT 'zendesk, manual, or the identifier both carry',
    `at` DateTime('UTC') COMMENT 'When it was noticed, UTC',
    `ended_at` Nullable(DateTime('UTC')) COMMENT 'When it ended, UTC; null while it is in force',
    `undone` UInt8 COMMENT '1: somebody undid it; 0: the identifier went, or it is in force'
) AS
SELECT `account`, `merge_id`, `user_id`, `absorbed_id`, `survivor_id`, `via_user_id`, `reason`, `at`, `ended_at`, `undone`
FROM person_merges FINAL
WHERE is_deleted = 0
COMMENT 'Log of merged people: current rows';
-- +goose StatementEnd

-- +goose Down
DROP VIEW IF EXISTS current_person_merges;
DROP VIEW IF EXISTS current_person_identities;
