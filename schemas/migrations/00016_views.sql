-- +goose Up
-- What analysts read: the current rows only, one for each thing, without the columns of the pipeline. Reading the tables themselves
-- takes FINAL and, for activities, the filter on expires_at.

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_activities
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
    `expires_at` DateTime('UTC') COMMENT 'End of retention, UTC; not shown from then on'
) AS
SELECT `account`, `activity`, `occurred_at`, `activity_id`, `source_id`, `ticket_id`, `person_id`, `user_id`, `organization_id`,
    `actor_id`, `assignee_id`, `group_id`, `brand_id`, `form_id`, `channel`, `priority`, `type`, `status`, `previous_status`, `subject`, `message`,
    `tags`, `text`, `attributes`, `via`, `expires_at`
FROM activities FINAL
WHERE is_deleted = 0 AND expires_at > now()
COMMENT 'Everything that happened to tickets, contacts and organizations, one row each; kept by retention: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_tickets
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `source_id` LowCardinality(String) COMMENT 'Id of the source that brought the row',
    `created_at` DateTime('UTC') COMMENT 'When it was created, UTC, whole seconds',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC',
    `subject` String COMMENT 'Subject, current',
    `subject_tokens` String COMMENT 'Subject as words for phrase search: NFKC, lower case, single spaces',
    `description` String COMMENT 'First comment',
    `status` LowCardinality(String) COMMENT 'new, open, pending, hold, solved, closed or deleted; lower case',
    `status_since` DateTime('UTC') COMMENT 'Since when the status holds, UTC',
    `priority` LowCardinality(String) COMMENT 'low, normal, high, urgent or empty',
    `type` LowCardinality(String) COMMENT 'problem, incident, question, task or empty',
    `channel` LowCardinality(String) COMMENT 'via.channel as Zendesk writes it, lower case',
    `tags` Array(LowCardinality(String)) COMMENT 'Tags of the ticket, current',
    `requester_id` Int64 COMMENT 'Zendesk user id of the requester',
    `submitter_id` Int64 COMMENT 'Zendesk user id of the submitter',
    `assignee_id` Int64 COMMENT 'Zendesk user id of the assignee; 0 = none',
    `group_id` Int64 COMMENT 'Zendesk group id; 0 = none',
    `brand_id` Int64 COMMENT 'Zendesk brand id; 0 = none',
    `organization_id` Int64 COMMENT 'Zendesk organization id; 0 = none',
    `form_id` Int64 COMMENT 'Zendesk ticket form id; 0 = none',
    `external_id` String COMMENT 'External id of the ticket',
    `url` String COMMENT 'API address of the ticket',
    `custom_fields` String COMMENT 'JSON object: field id to value',
    `custom_status_id` Int64 COMMENT 'Zendesk custom status id; 0 = none or unknown',
    `is_public` UInt8 COMMENT '0 if all its comments are private',
    `due_at` Nullable(DateTime('UTC')) COMMENT 'When a task is due, UTC',
    `raw_subject` String COMMENT 'Subject with placeholders of dynamic content',
    `recipient` String COMMENT 'Address that the ticket was sent to',
    `collaborator_ids` Array(Int64) COMMENT 'Zendesk user ids of collaborators',
    `follower_ids` Array(Int64) COMMENT 'Zendesk user ids of followers',
    `email_cc_ids` Array(Int64) COMMENT 'Zendesk user ids of those in copy',
    `forum_topic_id` Int64 COMMENT 'Zendesk topic id; 0 = none',
    `problem_id` Int64 COMMENT 'Ticket of the problem that this incident belongs to; 0 = none',
    `has_incidents` UInt8 COMMENT '1 if it is a problem with incidents',
    `sharing_agreement_ids` Array(Int64) COMMENT 'Zendesk sharing agreement ids',
    `followup_ids` Array(Int64) COMMENT 'Tickets that follow up on it',
    `allow_channelback` UInt8 COMMENT '1 if it can be answered over the channel it came by',
    `allow_attachments` UInt8 COMMENT '0 if agents may attach nothing',
    `from_messaging_channel` UInt8 COMMENT '1 if it came from messaging',
    `via_rel` String COMMENT 'via.source.rel, e.g. follow_up or merge',
    `deleted` UInt8 COMMENT '1 while the ticket is deleted in Zendesk',
    `merged` UInt8 COMMENT '1 if it was absorbed by another ticket',
    `merged_into` Int64 COMMENT 'Ticket that absorbed it; 0 = none or unknown',
    `history_full` UInt8 COMMENT '1 once the creation audit is known',
    `provisional` UInt8 COMMENT '1 while webhooks newer than the known history are applied',
    `replies` Int64 COMMENT 'Public agent comments outside the creation (M8)',
    `public_agent_comments` Int64 COMMENT 'Public agent comments, creation included (M15 strict)',
    `reopens` Int64 COMMENT 'Solved to unsolved (M5)',
    `solves` Int64 COMMENT 'Solve events (M2)',
    `assignee_stations` Int64 COMMENT 'Assignees entered, repeats count (M19)',
    `unique_assignees` Int64 COMMENT 'Distinct assignees (M19)',
    `group_stations` Int64 COMMENT 'Groups entered (M20)',
    `reassignments` Int64 COMMENT 'Assignee to another assignee (M18)',
    `handoffs` Int64 COMMENT 'Distinct agents who commented (M31)',
    `first_reply_at` Nullable(DateTime('UTC')) COMMENT 'First public agent comment outside the creation, UTC (M7)',
    `first_reply_s` Nullable(Int64) COMMENT 'Seconds from creation to the first reply (M7)',
    `first_reply_business_s` Nullable(Int64) COMMENT 'The same within business hours (M7b)',
    `first_solved_at` Nullable(DateTime('UTC')) COMMENT 'First solve event, UTC',
    `last_solved_at` Nullable(DateTime('UTC')) COMMENT 'Last solve event, UTC',
    `closed_at` Nullable(DateTime('UTC')) COMMENT 'When it was closed, UTC (M4)',
    `first_resolution_s` Nullable(Int64) COMMENT 'Seconds from creation to the first solve (M14a)',
    `first_resolution_business_s` Nullable(Int64) COMMENT 'The same within business hours',
    `full_resolution_s` Nullable(Int64) COMMENT 'Seconds from creation to the last solve, while solved or closed (M14b)',
    `full_resolution_business_s` Nullable(Int64) COMMENT 'The same within business hours',
    `first_assigned_at` Nullable(DateTime('UTC')) COMMENT 'First assignment, UTC',
    `first_assigned_s` Nullable(Int64) COMMENT 'Seconds from creation to the first assignment (M31)',
    `first_assigned_business_s` Nullable(Int64) COMMENT 'The same within business hours',
    `last_assigned_at` Nullable(DateTime('UTC')) COMMENT 'Last assignment, UTC',
    `first_assignee_id` Int64 COMMENT 'Assignee of the first assignment; 0 = none',
    `last_assignee_id` Int64 COMMENT 'Assignee of the last assignment; 0 = none',
    `latest_comment_at` Nullable(DateTime('UTC')) COMMENT 'Latest comment, private ones too, UTC',
    `next_reply_s` Array(Int64) COMMENT 'Seconds of each answered next reply (M9)',
    `next_reply_pending` UInt8 COMMENT '1 while a customer comment waits for its next reply (M9)',
    `new_s` Int64 COMMENT 'Seconds in new, ended spells',
    `open_s` Int64 COMMENT 'Seconds in open, ended spells',
    `pending_s` Int64 COMMENT 'Seconds in pending, ended spells',
    `hold_s` Int64 COMMENT 'Seconds on hold, ended spells',
    `new_business_s` Nullable(Int64) COMMENT 'Of new_s within business hours, by the schedule in force when each spell ended; null without one',
    `open_business_s` Nullable(Int64) COMMENT 'Of open_s within business hours',
    `pending_business_s` Nullable(Int64) COMMENT 'Of pending_s within business hours',
    `hold_business_s` Nullable(Int64) COMMENT 'Of hold_s within business hours',
    `status_changes` Int64 COMMENT 'Ended status spells; 0 = waits are null',
    `csat` LowCardinality(String) COMMENT 'Latest rating: offered, good, bad or empty (M21)',
    `csat_agent_id` Int64 COMMENT 'Assignee of the rating record (M23)',
    `csat_group_id` Int64 COMMENT 'Group of the rating record',
    `csat_at` Nullable(DateTime('UTC')) COMMENT 'When the rating was last changed, UTC',
    `csat_comment` String COMMENT 'Comment of the rating',
    `csat_reason` LowCardinality(String) COMMENT 'Reason chosen for a bad rating',
    `csat_reason_id` Int64 COMMENT 'Zendesk id of the reason; 0 = none'
) AS
SELECT `account`, `ticket_id`, `source_id`, `created_at`, `updated_at`, `subject`, `subject_tokens`, `description`, `status`,
    `status_since`, `priority`, `type`, `channel`, `tags`, `requester_id`, `submitter_id`, `assignee_id`, `group_id`, `brand_id`,
    `organization_id`, `form_id`, `external_id`, `url`, `custom_fields`,
    `custom_status_id`,
    `is_public`,
    `due_at`,
    if(JSONHas(`details`, 'raw_subject'), JSONExtractString(`details`, 'raw_subject'), `subject`) AS `raw_subject`,
    JSONExtractString(`details`, 'recipient') AS `recipient`,
    JSONExtract(`details`, 'collaborator_ids', 'Array(Int64)') AS `collaborator_ids`,
    JSONExtract(`details`, 'follower_ids', 'Array(Int64)') AS `follower_ids`,
    JSONExtract(`details`, 'email_cc_ids', 'Array(Int64)') AS `email_cc_ids`,
    JSONExtractInt(`details`, 'forum_topic_id') AS `forum_topic_id`,
    JSONExtractInt(`details`, 'problem_id') AS `problem_id`,
    toUInt8(JSONExtractBool(`details`, 'has_incidents')) AS `has_incidents`,
    JSONExtract(`details`, 'sharing_agreement_ids', 'Array(Int64)') AS `sharing_agreement_ids`,
    JSONExtract(`details`, 'followup_ids', 'Array(Int64)') AS `followup_ids`,
    toUInt8(JSONExtractBool(`details`, 'allow_channelback')) AS `allow_channelback`,
    toUInt8(NOT JSONExtractBool(`details`, 'no_attachments')) AS `allow_attachments`,
    toUInt8(JSONExtractBool(`details`, 'from_messaging_channel')) AS `from_messaging_channel`,
    JSONExtractString(`details`, 'via_rel') AS `via_rel`,
    `deleted`, `merged`, `merged_into`, `history_full`,
    `provisional`, `replies`, `public_agent_comments`, `reopens`, `solves`, `assignee_stations`, `unique_assignees`,
    `group_stations`, `reassignments`, `handoffs`, `first_reply_at`, `first_reply_s`, `first_reply_business_s`, `first_solved_at`,
    `last_solved_at`, `closed_at`, `first_resolution_s`, `first_resolution_business_s`, `full_resolution_s`,
    `full_resolution_business_s`, `first_assigned_at`, `first_assigned_s`, `first_assigned_business_s`, `last_assigned_at`, `first_assignee_id`, `last_assignee_id`, `latest_comment_at`, `next_reply_s`,
    `next_reply_pending`, `new_s`, `open_s`, `pending_s`, `hold_s`, `new_business_s`, `open_business_s`, `pending_business_s`,
    `hold_business_s`, `status_changes`, `csat`, `csat_agent_id`, `csat_group_id`, `csat_at`, `csat_comment`, `csat_reason`,
    `csat_reason_id`
FROM tickets FINAL
WHERE is_deleted = 0
COMMENT 'One current row of facts for each ticket: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_ticket_events
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
    `merged` UInt8 COMMENT '1 if the ticket was absorbed'
) AS
SELECT `account`, `kind`, `at`, `ticket_id`, `event_id`, `until`, `actor_id`, `assignee_id`, `group_id`, `previous_id`, `status`,
    `score`, `seconds`, `business_seconds`, `last`, `priority`, `channel`, `type`, `tags`, `brand_id`, `organization_id`,
    `form_id`, `requester_id`, `deleted`, `merged`
FROM ticket_events FINAL
WHERE is_deleted = 0
COMMENT 'Dated facts of tickets: creation, solves, closes, reopens, assignments, replies, status spells, ratings; dimensions are current: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_messages
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `at` DateTime('UTC') COMMENT 'When it was written, UTC',
    `ticket_id` Int64 COMMENT 'Zendesk ticket id; 0 = none',
    `message_id` Int64 COMMENT 'Zendesk comment id',
    `author_id` Int64 COMMENT 'Zendesk user id of the author; -1 the system',
    `author_role` LowCardinality(String) COMMENT 'agent, end_user, system or unknown, when it was written',
    `public` UInt8 COMMENT '1 if the requester sees it',
    `body` String COMMENT 'Plain text; empty once redacted as a whole',
    `tokens` String COMMENT 'The text as words for phrase search: NFKC, lower case, single spaces',
    `redacted` UInt8 COMMENT '1 once redacted',
    `ticket_created_at` DateTime('UTC') COMMENT 'When the ticket was created, UTC'
) AS
SELECT `account`, `at`, `ticket_id`, `message_id`, `author_id`, `author_role`, `public`, `body`, `tokens`, `redacted`,
    `ticket_created_at`
FROM messages FINAL
WHERE is_deleted = 0
COMMENT 'Comments of tickets: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_people
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `person_id` String COMMENT 'Person id',
    `source_ids` Array(String) COMMENT 'Ids of the sources that told of the person, the first one first; empty for one that only the API told of',
    `first_name` String COMMENT 'First name',
    `last_name` String COMMENT 'Last name',
    `email` String COMMENT 'Primary email address, lower case',
    `phone_number` String COMMENT 'Phone number, E.164',
    `external_id` String COMMENT 'External id as Zendesk writes it',
    `language` LowCardinality(String) COMMENT 'Locale, e.g. en-US',
    `timezone` LowCardinality(String) COMMENT 'IANA time zone',
    `email_permission` UInt8 COMMENT '1 if the person may be mailed',
    `sms_permission` UInt8 COMMENT '1 if the person may be texted',
    `archived` UInt8 COMMENT '1 if archived',
    `archived_at` Nullable(DateTime('UTC')) COMMENT 'Since when, UTC; null while it is not archived. 29 days later the person is erased',
    `organization_id` Int64 COMMENT 'Zendesk organization id; 0 = none',
    `organization_ids` Array(Int64) COMMENT 'Zendesk organizations the person is a member of, the default one first',
    `user_ids` Array(Int64) COMMENT 'Zendesk users that are this person, oldest first',
    `own_ids` Array(String) COMMENT 'Person ids of these users, the own one included',
    `zendesk` String COMMENT 'JSON object: Zendesk fields',
    `custom` String COMMENT 'JSON object: custom fields',
    `created_at` DateTime('UTC') COMMENT 'When it was created, UTC, whole seconds',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC'
) AS
SELECT `account`, `person_id`, `source_ids`, `first_name`, `last_name`, `email`, `phone_number`, `external_id`, `language`, `timezone`,
    `email_permission`, `sms_permission`, `archived`, `archived_at`, `organization_id`, `organization_ids`, `user_ids`, `own_ids`, `zendesk`, `custom`, `created_at`,
    `updated_at`
FROM people FINAL
WHERE is_deleted = 0
COMMENT 'One row for each person: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_person_aliases
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `alias` String COMMENT 'zendesk:<id>, email:<address>, external:<id> or a person id; lower case',
    `person_id` String COMMENT 'Person that answers to it now'
) AS
SELECT `account`, `alias`, `person_id`
FROM person_aliases FINAL
WHERE is_deleted = 0
UNION ALL
SELECT `account`, `person_id` AS `alias`, `person_id`
FROM people FINAL
WHERE is_deleted = 0
COMMENT 'Names by which a person is found: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_person_stats
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
    `last_satisfaction_at` Nullable(DateTime('UTC')) COMMENT 'When it was given, UTC'
) AS
SELECT `account`, `user_id`, `tickets_total`, `tickets_open`, `tickets_closed`, `good_ratings`, `bad_ratings`, `first_ticket_at`,
    `last_ticket_at`, `last_ticket_id`, `last_ticket_subject`, `last_ticket_status`, `last_satisfaction_score`, `last_satisfaction_at`
FROM person_stats FINAL
COMMENT 'Ticket figures of each Zendesk user, kept past retention: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_person_activities
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `user_id` Int64 COMMENT 'Zendesk user id',
    `activity` LowCardinality(String) COMMENT 'Slug',
    `first_at` DateTime('UTC') COMMENT 'First occurrence, UTC',
    `last_at` DateTime('UTC') COMMENT 'Last occurrence, UTC',
    `count` Int64 COMMENT 'Occurrences'
) AS
SELECT `account`, `user_id`, `activity`, `first_at`, `last_at`, `count`
FROM person_activities FINAL
COMMENT 'First and last occurrence and count of each activity of each Zendesk user, kept past retention: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_organizations
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `organization_id` Int64 COMMENT 'Zendesk organization id',
    `source_id` LowCardinality(String) COMMENT 'Id of the source that brought the row',
    `name` String COMMENT 'Name',
    `external_id` String COMMENT 'External id',
    `zendesk` String COMMENT 'JSON object: Zendesk fields',
    `archived` UInt8 COMMENT '1 if archived',
    `created_at` DateTime('UTC') COMMENT 'When it was created, UTC, whole seconds',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC'
) AS
SELECT `account`, `organization_id`, `source_id`, `name`, `external_id`, `zendesk`, `archived`, `created_at`, `updated_at`
FROM organizations FINAL
WHERE is_deleted = 0
COMMENT 'Organizations: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_agents
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `user_id` Int64 COMMENT 'Zendesk user id',
    `name` String COMMENT 'Name',
    `email` String COMMENT 'Email address',
    `role` LowCardinality(String) COMMENT 'Role now: agent, admin or end-user',
    `active` UInt8 COMMENT '0 once deleted',
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC'
) AS
SELECT `account`, `user_id`, `name`, `email`, `role`, `active`, `updated_at`
FROM agents FINAL
COMMENT 'Zendesk users that are or were agents or administrators: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_ratings
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
    `updated_at` DateTime('UTC') COMMENT 'When it was last changed in the origin, UTC'
) AS
SELECT `account`, `rating_id`, `ticket_id`, `requester_id`, `assignee_id`, `group_id`, `score`, `comment`, `reason`, `reason_id`, `url`, `created_at`,
    `updated_at`
FROM ratings FINAL
COMMENT 'Satisfaction rating records in their latest form: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_metric_events
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
    `policy` String COMMENT 'apply_sla: title of the policy'
) AS
SELECT `account`, `event_id`, `ticket_id`, `metric`, `instance_id`, `type`, `at`, `withdrawn`, `target_s`, `business_hours`,
    `policy_id`, `policy`
FROM metric_events FINAL
COMMENT 'Zendesk ticket metric events (SLA): current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_names
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `kind` LowCardinality(String) COMMENT 'group, brand, ticket_form, custom_status, schedule, ticket_field, user_field or organization_field',
    `id` Int64 COMMENT 'Zendesk id',
    `name` String COMMENT 'Name or title',
    `key` String COMMENT 'Fields: key in merge tags',
    `type` LowCardinality(String) COMMENT 'Fields: type'
) AS
SELECT `account`, `kind`, `id`, `name`, `key`, `type`
FROM names FINAL
WHERE is_deleted = 0
COMMENT 'Names of groups, brands, forms, custom statuses, schedules and fields: current rows';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS current_activity_counts
(
    `account` LowCardinality(String) COMMENT 'Zendesk subdomain, lower case',
    `source_id` LowCardinality(String) COMMENT 'Id of the source that brought the row',
    `activity` LowCardinality(String) COMMENT 'Slug',
    `at` DateTime('UTC') COMMENT 'Start of the quarter of an hour, UTC: days of every zone begin with one',
    `count` Int64 COMMENT 'Activities in that quarter of an hour',
    `connected` Int64 COMMENT 'Of these, those that happened while the source was not disconnected'
) AS
SELECT `account`, `source_id`, `activity`, `at`, `count`, `connected`
FROM activity_counts FINAL
COMMENT 'Number of activities by quarter of an hour, kept past retention: current rows';
-- +goose StatementEnd

-- +goose Down
DROP VIEW IF EXISTS current_activity_counts;
DROP VIEW IF EXISTS current_names;
DROP VIEW IF EXISTS current_metric_events;
DROP VIEW IF EXISTS current_ratings;
DROP VIEW IF EXISTS current_agents;
DROP VIEW IF EXISTS current_organizations;
DROP VIEW IF EXISTS current_person_activities;
DROP VIEW IF EXISTS current_person_stats;
DROP VIEW IF EXISTS current_person_aliases;
DROP VIEW IF EXISTS current_people;
DROP VIEW IF EXISTS current_messages;
DROP VIEW IF EXISTS current_ticket_events;
DROP VIEW IF EXISTS current_tickets;
DROP VIEW IF EXISTS current_activities;
