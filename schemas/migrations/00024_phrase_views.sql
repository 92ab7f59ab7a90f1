-- +goose Up
-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_phrase_hits
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `at` DateTime('UTC') COMMENT 'When the message was written or, for a subject, the ticket created, UTC',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `message_id` Int64 COMMENT 'Zendesk comment id; 0 = the subject of the ticket',
    `public` UInt8 COMMENT '1 if the requester sees it',
    `phrase_ids` Array(LowCardinality(String)) COMMENT 'Saved phrases that the text holds, by id',
    `times` Array(Int64) COMMENT 'How often each of phrase_ids begins in the text',
    `ticket_created_at` DateTime('UTC') COMMENT 'When the ticket was created, UTC'
) AS
SELECT `account`, `at`, `ticket_id`, `message_id`, `public`, `phrase_ids`, `times`, `ticket_created_at`
FROM phrase_hits FINAL
WHERE is_deleted = 0
COMMENT 'Saved phrases found in messages and subjects, one row for each text that holds any: current rows';
-- +goose StatementEnd

-- +goose Down
DROP VIEW IF EXISTS current_phrase_hits;
