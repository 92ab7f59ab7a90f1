-- +goose Up
-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_tickets_created AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, tickets
FROM
(
WITH status AS current_status
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    count() AS tickets
FROM tickets FINAL
WHERE 1
    AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
    AND created_at <= now('UTC')
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report tickets_created as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_closures AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, solve_events, tickets_solved, closed
FROM
(
SELECT
    bucket,
    k1 AS keys,
    sum(solves) AS solve_events,
    sum(tickets) AS tickets_solved,
    sum(closes) AS closed
FROM
(
    SELECT
        roundDown(toUnixTimestamp(at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, countIf(kind = 'solve') AS solves, 0 AS tickets, countIf(kind = 'close') AS closes
    FROM ticket_events AS e FINAL ANY LEFT JOIN
(
    SELECT account, ticket_id, status AS current_status, assignee_id AS current_assignee_id, group_id AS current_group_id
    FROM tickets FINAL
    WHERE 1
) AS c USING (account, ticket_id)
    WHERE 1 AND kind IN ('solve', 'close')
        AND at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')} AND at <= now('UTC')
        AND deleted = 0
        
    GROUP BY bucket, k1
    UNION ALL
    SELECT roundDown(toUnixTimestamp(solved_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 0 AS solves, count() AS tickets, 0 AS closes
    FROM (SELECT
    account, ticket_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id, type, form_id, deleted, merged,
    assumeNotNull(last_solved_at) AS solved_at
FROM tickets FINAL
WHERE 1 AND created_at <= now('UTC') AND status IN ('solved', 'closed')
    AND last_solved_at >= {from:DateTime('UTC')} AND last_solved_at <= now('UTC')) AS t
    WHERE solved_at >= {from:DateTime('UTC')} AND solved_at < {to:DateTime('UTC')}
        AND deleted = 0
        
    GROUP BY bucket, k1
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report closures as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_reopens AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, reopens, reopened_tickets
FROM
(
SELECT
    roundDown(toUnixTimestamp(at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    count() AS reopens,
    uniqExact(account, ticket_id) AS reopened_tickets
FROM ticket_events AS e FINAL ANY LEFT JOIN
(
    SELECT account, ticket_id, status AS current_status, assignee_id AS current_assignee_id, group_id AS current_group_id
    FROM tickets FINAL
    WHERE 1
) AS c USING (account, ticket_id)
WHERE 1 AND kind = 'reopen'
    AND at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')} AND at <= now('UTC')
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report reopens as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_backlog AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds,
    arrayMap(b -> toUInt32(if(b > toUnixTimestamp(now()), toUnixTimestamp(now()) + 1, b)), arrayFilter((b, began) -> began <= toUnixTimestamp(now()),
        arrayPushBack(arrayPopFront(bounds), toUnixTimestamp(range_end)), bounds)) AS ends
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(starts - 60 * toMinute(toDateTime(starts, {tz:String})) - toSecond(toDateTime(starts, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(starts - 60 * toMinute(toDateTime(starts, {tz:String})) - toSecond(toDateTime(starts, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(starts, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(starts, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(starts, {tz:String})), {tz:String})), starts), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, unsolved, new, open, pending, hold
FROM
(
    SELECT grid.starts AS starts, grid.bucket AS bucket, grid.keys AS keys, sum(d.unsolved) OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS unsolved, sum(d.new) OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS new, sum(d.open) OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS open, sum(d.pending) OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS pending, sum(d.hold) OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS hold
    FROM
    (
        SELECT place.1 AS bucket, place.2 AS starts, keys
        FROM (SELECT arrayJoin(arrayZip(arrayPushFront(arrayPopBack(ends), toUInt32(0)), arraySlice(bounds, 1, length(ends)))) AS place) AS places
        CROSS JOIN (SELECT DISTINCT keys FROM (SELECT
    tupleElement(edge, 1) AS bucket,
    k1 AS keys,
    sum(tupleElement(edge, 2) * spells) AS unsolved,
    sum(tupleElement(edge, 2) * spells_new) AS new,
    sum(tupleElement(edge, 2) * spells_open) AS open,
    sum(tupleElement(edge, 2) * spells_pending) AS pending,
    sum(tupleElement(edge, 2) * spells_hold) AS hold
FROM
(
    SELECT *, arrayJoin(if(first = last, [], [(first, 1), (last, -1)])) AS edge
    FROM
    (
        SELECT
            arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, roundDown(toUnixTimestamp(at), arrayPushFront(ends, toUInt32(0))) AS first,
            roundDown(toUnixTimestamp(until), arrayPushFront(ends, toUInt32(0))) AS last,
            count() AS spells, countIf(status = 'new') AS spells_new, countIf(status = 'open') AS spells_open,
            countIf(status = 'pending') AS spells_pending, countIf(status = 'hold') AS spells_hold
        FROM ticket_events AS e FINAL
        WHERE 1 AND kind = 'state'
            AND at >= toDateTime(ends[1], 'UTC') AND at < toDateTime(ends[-1], 'UTC')
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime(ends[1], 'UTC')
            AND deleted = 0
            
        GROUP BY first, last, k1
        UNION ALL
        SELECT
            arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, toUInt32(0) AS first,
            roundDown(toUnixTimestamp(until), arrayPushFront(ends, toUInt32(0))) AS last,
            count() AS spells, countIf(status = 'new') AS spells_new, countIf(status = 'open') AS spells_open,
            countIf(status = 'pending') AS spells_pending, countIf(status = 'hold') AS spells_hold
        FROM ticket_events AS e FINAL
        WHERE 1 AND kind = 'state' AND at < toDateTime(ends[1], 'UTC')
            AND at IN
            (
                SELECT at
                FROM ticket_events
                WHERE 1 AND kind = 'state' AND at < toDateTime(ends[1], 'UTC')
                    AND if(status = 'solved', 0, if(status = 'closed', 0, toUnixTimestamp(until))) >= toUnixTimestamp(toDateTime(ends[1], 'UTC'))
                SETTINGS use_skip_indexes_on_data_read = 0
            )
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime(ends[1], 'UTC')
            AND deleted = 0
            
        GROUP BY first, last, k1
    )
)
GROUP BY bucket, k1)) AS groups
    ) AS grid
    LEFT JOIN (SELECT
    tupleElement(edge, 1) AS bucket,
    k1 AS keys,
    sum(tupleElement(edge, 2) * spells) AS unsolved,
    sum(tupleElement(edge, 2) * spells_new) AS new,
    sum(tupleElement(edge, 2) * spells_open) AS open,
    sum(tupleElement(edge, 2) * spells_pending) AS pending,
    sum(tupleElement(edge, 2) * spells_hold) AS hold
FROM
(
    SELECT *, arrayJoin(if(first = last, [], [(first, 1), (last, -1)])) AS edge
    FROM
    (
        SELECT
            arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, roundDown(toUnixTimestamp(at), arrayPushFront(ends, toUInt32(0))) AS first,
            roundDown(toUnixTimestamp(until), arrayPushFront(ends, toUInt32(0))) AS last,
            count() AS spells, countIf(status = 'new') AS spells_new, countIf(status = 'open') AS spells_open,
            countIf(status = 'pending') AS spells_pending, countIf(status = 'hold') AS spells_hold
        FROM ticket_events AS e FINAL
        WHERE 1 AND kind = 'state'
            AND at >= toDateTime(ends[1], 'UTC') AND at < toDateTime(ends[-1], 'UTC')
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime(ends[1], 'UTC')
            AND deleted = 0
            
        GROUP BY first, last, k1
        UNION ALL
        SELECT
            arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, toUInt32(0) AS first,
            roundDown(toUnixTimestamp(until), arrayPushFront(ends, toUInt32(0))) AS last,
            count() AS spells, countIf(status = 'new') AS spells_new, countIf(status = 'open') AS spells_open,
            countIf(status = 'pending') AS spells_pending, countIf(status = 'hold') AS spells_hold
        FROM ticket_events AS e FINAL
        WHERE 1 AND kind = 'state' AND at < toDateTime(ends[1], 'UTC')
            AND at IN
            (
                SELECT at
                FROM ticket_events
                WHERE 1 AND kind = 'state' AND at < toDateTime(ends[1], 'UTC')
                    AND if(status = 'solved', 0, if(status = 'closed', 0, toUnixTimestamp(until))) >= toUnixTimestamp(toDateTime(ends[1], 'UTC'))
                SETTINGS use_skip_indexes_on_data_read = 0
            )
            AND status IN ('new', 'open', 'pending', 'hold') AND until >= toDateTime(ends[1], 'UTC')
            AND deleted = 0
            
        GROUP BY first, last, k1
    )
)
GROUP BY bucket, k1) AS d ON d.bucket = grid.bucket AND d.keys = grid.keys
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report backlog as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_assignments AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, assignments, assigned_now, assigned_unsolved_now, reassignments, reassigned_tickets
FROM
(
SELECT
    bucket,
    k1 AS keys,
    countIf(what = 'assign') AS assignments,
    if(({interval:String} != '') = 1, NULL, countIf(what = 'held')) AS assigned_now,
    if(({interval:String} != '') = 1, NULL, countIf(what = 'held' AND unsolved)) AS assigned_unsolved_now,
    countIf(reassigned) AS reassignments,
    uniqExactIf(ticket, reassigned) AS reassigned_tickets
FROM
(
    SELECT
        roundDown(toUnixTimestamp(at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 'assign' AS what,
        (account, ticket_id) AS ticket, previous_id != 0 AND previous_id != assignee_id AS reassigned, 0 AS unsolved
    FROM ticket_events AS e FINAL ANY LEFT JOIN
(
    SELECT account, ticket_id, status AS current_status, assignee_id AS current_assignee_id, group_id AS current_group_id
    FROM tickets FINAL
    WHERE 1
) AS c USING (account, ticket_id)
    WHERE 1 AND kind = 'assign' AND assignee_id != 0
        AND at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')} AND at <= now('UTC')
        AND deleted = 0
        
    UNION ALL
    SELECT
        toUnixTimestamp({from:DateTime('UTC')}) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 'held' AS what,
        (account, ticket_id) AS ticket, 0 AS reassigned, current_status IN ('new', 'open', 'pending', 'hold') AS unsolved
    FROM (SELECT
    account, ticket_id, created_at, requester_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id,
    type, form_id, deleted, merged, csat, ifNull(csat_at <= now('UTC'), 0) AS rated, replies, public_agent_comments,
    ifNull(csat_at > now('UTC'), 0) AS rating_is_later, _partition_id AS month
FROM tickets FINAL
WHERE 1 AND created_at <= now('UTC')) AS t
    WHERE ({interval:String} != '') = 0 AND assignee_id != 0
        AND deleted = 0
        
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report assignments as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_csat AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, surveyed, offered_unrated, good, bad, score_pct, response_pct
FROM
(
SELECT
    roundDown(toUnixTimestamp(at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    count() AS surveyed,
    countIf(score = 'offered') AS offered_unrated,
    countIf(score = 'good') AS good,
    countIf(score = 'bad') AS bad,
    if(good + bad = 0, NULL, 100 * good / (good + bad)) AS score_pct,
    if(surveyed = 0, NULL, 100 * (good + bad) / surveyed) AS response_pct
FROM ticket_events AS e FINAL ANY LEFT JOIN
(
    SELECT account, ticket_id, status AS current_status, assignee_id AS current_assignee_id, group_id AS current_group_id
    FROM tickets FINAL
    WHERE 1
) AS c USING (account, ticket_id)
WHERE 1 AND kind = 'rating' AND score IN ('offered', 'good', 'bad')
    AND at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')} AND at <= now('UTC')
    AND until > now('UTC')
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report csat as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_replies AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, public_replies, unreplied
FROM
(
SELECT
    bucket,
    k1 AS keys,
    sum(given) AS public_replies,
    sum(lacking) AS unreplied
FROM
(
    WITH actor_id AS agent_id
    SELECT roundDown(toUnixTimestamp(at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], {group_by:String} = 'agent', [if(agent_id = 0, '', toString(agent_id))], [''])) AS k1, count() AS given, 0 AS lacking
    FROM ticket_events AS e FINAL ANY LEFT JOIN
(
    SELECT account, ticket_id, status AS current_status, assignee_id AS current_assignee_id, group_id AS current_group_id
    FROM tickets FINAL
    WHERE 1
) AS c USING (account, ticket_id)
    WHERE 1 AND kind = 'reply'
        AND at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')} AND at <= now('UTC')
        AND deleted = 0
        
    GROUP BY bucket, k1
    UNION ALL
    WITH toInt64(0) AS agent_id
    SELECT roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], {group_by:String} = 'agent', [if(agent_id = 0, '', toString(agent_id))], [''])) AS k1, 0 AS given, count() AS lacking
    FROM (SELECT
    account, ticket_id, created_at, requester_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id,
    type, form_id, deleted, merged, csat, ifNull(csat_at <= now('UTC'), 0) AS rated, replies, public_agent_comments,
    ifNull(csat_at > now('UTC'), 0) AS rating_is_later, _partition_id AS month
FROM tickets FINAL
WHERE 1 AND created_at <= now('UTC')) AS t
    WHERE replies = 0 AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
        AND deleted = 0
        
    GROUP BY bucket, k1
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form', 'agent'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form, agent')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report replies as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_keywords AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds,
    extractAll(replaceAll(replaceAll(lowerUTF8(normalizeUTF8NFKC({phrase:String})), 'i\xCC\x87', 'i'), 'ς', 'σ'), '[\\p{L}\\p{Nd}]+') AS phrase_words
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, tickets_subject, tickets_messages, tickets, messages, occurrences
FROM
(
SELECT
    roundDown(toUnixTimestamp(date), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    uniqExactIf(ticket, message_id = 0) AS tickets_subject,
    uniqExactIf(ticket, message_id != 0) AS tickets_messages,
    uniqExact(ticket) AS tickets,
    countIf(message_id != 0) AS messages,
    sumIf(times, message_id != 0) AS occurrences
FROM
(
    SELECT
    t.*, t.status AS current_status, (t.account, t.ticket_id) AS ticket, m.message_id AS message_id, m.times AS times,
    if(1 = 1 OR m.message_id = 0, t.created_at, m.at) AS date
FROM
(
    SELECT *
    FROM tickets FINAL
    PREWHERE ticket_id IN
    (
        SELECT ticket_id
        FROM messages
        WHERE 1 AND hasAllTokens(tokens, phrase_words)
            AND (1 = 1 OR at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')})
AND (1 = 0 OR ticket_created_at >= {from:DateTime('UTC')} AND ticket_created_at < {to:DateTime('UTC')})
    )
    WHERE 1 AND deleted = 0
        AND (1 = 0 OR created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')})
) AS t
INNER JOIN
(
SELECT
    account, ticket_id, message_id, at, ticket_created_at,
    splitByChar(' ', tokens) AS words,
    arraySum(p -> arrayCount(i -> arraySlice(words, i, length(p)) = p, arrayEnumerate(words)),
        arrayMap(p -> splitByChar(' ', p), [arrayStringConcat(phrase_words, ' ')])) AS times
FROM messages FINAL
WHERE 1 AND hasAllTokens(tokens, phrase_words)
    AND (public = 1 OR 0 = 1) AND at <= now('UTC')
    AND (1 = 1 OR at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')})
AND (1 = 0 OR ticket_created_at >= {from:DateTime('UTC')} AND ticket_created_at < {to:DateTime('UTC')})
    AND multiSearchAny(concat(' ', tokens, ' '), arrayMap(p -> concat(' ', p, ' '), [arrayStringConcat(phrase_words, ' ')]))
) AS m ON m.account = t.account AND m.ticket_id = t.ticket_id
UNION ALL
SELECT
    t.*, t.status AS current_status, (t.account, t.ticket_id) AS ticket, toInt64(0) AS message_id, toUInt64(0) AS times,
    t.created_at AS date
FROM tickets AS t FINAL
WHERE 1 AND hasAllTokens(subject_tokens, phrase_words)
    AND t.created_at >= {from:DateTime('UTC')} AND t.created_at < {to:DateTime('UTC')}
    AND multiSearchAny(concat(' ', t.subject_tokens, ' '), arrayMap(p -> concat(' ', p, ' '), [arrayStringConcat(phrase_words, ' ')]))
    AND deleted = 0
)
WHERE date >= {from:DateTime('UTC')} AND date < {to:DateTime('UTC')} AND date <= now('UTC')
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
    AND (SELECT throwIf(empty(phrase_words), 'phrase must hold a letter or a digit')) = 0
COMMENT 'The report keywords as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_activities AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, activities, people
FROM
(
SELECT
    roundDown(toUnixTimestamp(occurred_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], {group_by:String} = 'activity', [toString(activity)], [''])) AS k1, k1 AS keys,
    count() AS activities,
    uniqExactIf(if(merged_user = 1, first_user, user), user_id > 0) AS people
FROM
(
    SELECT *, (account, user_id) AS user, status AS current_status
    FROM activities FINAL
    WHERE 1 AND expires_at > now('UTC')
        AND occurred_at >= {from:DateTime('UTC')} AND occurred_at < {to:DateTime('UTC')}
        AND occurred_at <= now('UTC')
        AND (account, ticket_id) NOT IN
(
    SELECT account, ticket_id
    FROM tickets FINAL
    WHERE 1 AND deleted + merged > 0 AND (deleted = 1)
)
) AS a
LEFT ANY JOIN (SELECT (account, arrayJoin(user_ids)) AS user, (account, user_ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM people FINAL
WHERE 1 AND length(user_ids) > 1
UNION ALL
SELECT (account, arrayJoin(ids)) AS user, (account, ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM
(
    SELECT account, argMax(user_ids, _ver) AS ids
    FROM people
    WHERE (account, person_id) IN
    (
        SELECT account, person_id FROM people WHERE 1 AND is_deleted = 1 AND length(user_ids) > 1
    )
    GROUP BY account, person_id
    HAVING argMax(is_deleted, _ver) = 1 AND length(ids) > 1
)) AS p USING (user)
WHERE 1 
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form', 'activity'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form, activity')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report activities as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_sla AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, achieved, breached, active, attainment_pct
FROM
(
SELECT
    roundDown(toUnixTimestamp(at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], {group_by:String} = 'sla_metric', [toString(metric)], [''])) AS k1, k1 AS keys,
    countIf(outcome = 'achieved') AS achieved,
    countIf(outcome = 'breached') AS breached,
    countIf(outcome = 'active') AS active,
    if(achieved + breached = 0, NULL, 100 * achieved / (achieved + breached)) AS attainment_pct
FROM
(
    SELECT
        account, ticket_id, metric,
        multiIf(countIf(type = 'breach') > 0, 'breached', countIf(type = 'fulfill') > 0, 'achieved', 'active') AS outcome,
        multiIf(outcome = 'breached', minIf(m.at, type = 'breach'), outcome = 'achieved', minIf(m.at, type = 'fulfill'), minIf(m.at, type = 'apply_sla')) AS at
    FROM metric_events AS m FINAL
    WHERE 1 AND withdrawn = 0 AND m.at <= now('UTC')
    GROUP BY account, ticket_id, metric, instance_id
    HAVING countIf(type = 'apply_sla') > 0
) AS e
INNER JOIN
(
    SELECT *, status AS current_status
    FROM tickets FINAL
    WHERE 1
        AND deleted = 0
) AS t USING (account, ticket_id)
WHERE at >= {from:DateTime('UTC')} AND at < {to:DateTime('UTC')}
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form', 'sla_metric'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form, sla_metric')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report sla as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_first_reply_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
WITH status AS current_status, if(first_reply_at <= now('UTC'), first_reply_s, NULL) AS seconds
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM tickets FINAL
WHERE 1
    AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
    AND created_at <= now('UTC')
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report first_reply_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_next_reply_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
SELECT
    bucket,
    k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM
(
    SELECT roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, answered AS seconds
    FROM
    (
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE 1
            AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
            AND created_at <= now('UTC')
            AND deleted = 0
    ) AS t
    INNER JOIN
    (
        SELECT account, ticket_id, if(toUnixTimestamp(at) + seconds <= toUnixTimestamp(now()), seconds, NULL) AS answered
        FROM ticket_events FINAL
        WHERE 1 AND kind = 'next' AND at <= now('UTC')
    ) AS n USING (account, ticket_id)
    WHERE 1 
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report next_reply_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_first_resolution_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
WITH status AS current_status, if(first_solved_at <= now('UTC'), first_resolution_s, NULL) AS seconds
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM tickets FINAL
WHERE 1
    AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
    AND created_at <= now('UTC')
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report first_resolution_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_full_resolution_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
SELECT
    bucket,
    k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM
(
    SELECT roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, full_resolution_s AS seconds
    FROM
    (
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE 1
            AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
            AND created_at <= now('UTC')
            AND deleted = 0
    ) AS t
    
    WHERE 1 
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report full_resolution_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_requester_wait_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
SELECT
    bucket,
    k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 
        ended_s + if(running IN ['new','open','hold'], greatest(0, toInt64(toUnixTimestamp(now())) - toInt64(w.since)), 0) AS seconds
    FROM
    (
        SELECT
            t.*, current_status,
            now_since AS since, current_status AS running, now_ended AS ended, now_s AS ended_s
        FROM
        (
            SELECT
                *, status AS current_status, toUnixTimestamp(status_since) AS now_since, status_changes AS now_ended, 1 AS measured,
                if(has(['new','open','hold'], 'new'), new_s, 0) + if(has(['new','open','hold'], 'open'), open_s, 0)
                    + if(has(['new','open','hold'], 'pending'), pending_s, 0) + if(has(['new','open','hold'], 'hold'), hold_s, 0) AS now_s
            FROM tickets FINAL
            WHERE 1
                AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
                AND created_at <= now('UTC')
                AND deleted = 0
        ) AS t
        
        WHERE 1 
    ) AS w
    
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report requester_wait_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_agent_wait_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
SELECT
    bucket,
    k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 
        ended_s + if(running IN ['pending'], greatest(0, toInt64(toUnixTimestamp(now())) - toInt64(w.since)), 0) AS seconds
    FROM
    (
        SELECT
            t.*, current_status,
            now_since AS since, current_status AS running, now_ended AS ended, now_s AS ended_s
        FROM
        (
            SELECT
                *, status AS current_status, toUnixTimestamp(status_since) AS now_since, status_changes AS now_ended, 1 AS measured,
                if(has(['pending'], 'new'), new_s, 0) + if(has(['pending'], 'open'), open_s, 0)
                    + if(has(['pending'], 'pending'), pending_s, 0) + if(has(['pending'], 'hold'), hold_s, 0) AS now_s
            FROM tickets FINAL
            WHERE 1
                AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
                AND created_at <= now('UTC')
                AND deleted = 0
        ) AS t
        
        WHERE 1 
    ) AS w
    
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report agent_wait_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_on_hold_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
SELECT
    bucket,
    k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 
        ended_s + if(running IN ['hold'], greatest(0, toInt64(toUnixTimestamp(now())) - toInt64(w.since)), 0) AS seconds
    FROM
    (
        SELECT
            t.*, current_status,
            now_since AS since, current_status AS running, now_ended AS ended, now_s AS ended_s
        FROM
        (
            SELECT
                *, status AS current_status, toUnixTimestamp(status_since) AS now_since, status_changes AS now_ended, 1 AS measured,
                if(has(['hold'], 'new'), new_s, 0) + if(has(['hold'], 'open'), open_s, 0)
                    + if(has(['hold'], 'pending'), pending_s, 0) + if(has(['hold'], 'hold'), hold_s, 0) AS now_s
            FROM tickets FINAL
            WHERE 1
                AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
                AND created_at <= now('UTC')
                AND deleted = 0
        ) AS t
        
        WHERE 1 
    ) AS w
    
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report on_hold_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_agent_work_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
SELECT
    bucket,
    k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, 
        ended_s + if(running IN ['new','open'], greatest(0, toInt64(toUnixTimestamp(now())) - toInt64(w.since)), 0) AS seconds
    FROM
    (
        SELECT
            t.*, current_status,
            now_since AS since, current_status AS running, now_ended AS ended, now_s AS ended_s
        FROM
        (
            SELECT
                *, status AS current_status, toUnixTimestamp(status_since) AS now_since, status_changes AS now_ended, 1 AS measured,
                if(has(['new','open'], 'new'), new_s, 0) + if(has(['new','open'], 'open'), open_s, 0)
                    + if(has(['new','open'], 'pending'), pending_s, 0) + if(has(['new','open'], 'hold'), hold_s, 0) AS now_s
            FROM tickets FINAL
            WHERE 1
                AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
                AND created_at <= now('UTC')
                AND deleted = 0
        ) AS t
        
        WHERE 1 
    ) AS w
    
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report agent_work_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_assignment_time AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, count, mean_s, median_s, p90_s, sum_s
FROM
(
WITH status AS current_status, if(first_assigned_at <= now('UTC'), first_assigned_s, NULL) AS seconds
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
FROM tickets FINAL
WHERE 1
    AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
    AND created_at <= now('UTC')
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report assignment_time as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_touches AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, one_touch, two_touch, multi_touch, one_touch_strict
FROM
(
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    countIf(replies < 2) AS one_touch,
    countIf(replies = 2) AS two_touch,
    countIf(replies > 2) AS multi_touch,
    countIf(public_agent_comments = 1) AS one_touch_strict
FROM (SELECT
    account, ticket_id, created_at, requester_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id,
    type, form_id, deleted, merged, csat, ifNull(csat_at <= now('UTC'), 0) AS rated, replies, public_agent_comments,
    ifNull(csat_at > now('UTC'), 0) AS rating_is_later, _partition_id AS month
FROM tickets FINAL
WHERE 1 AND created_at <= now('UTC')) AS t
WHERE current_status IN ('solved', 'closed')
    AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
    AND deleted = 0
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report touches as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_stations AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, assignee_stations, group_stations, handoffs
FROM
(
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    sum(assignee_stations) AS assignee_stations,
    sum(group_stations) AS group_stations,
    sum(handoffs) AS handoffs
FROM
(
    SELECT *, status AS current_status
    FROM tickets FINAL
    WHERE 1
        AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
        AND created_at <= now('UTC')
        AND deleted = 0
) AS t

WHERE 1 
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report stations as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_requesters AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, new, returning, requesters
FROM
(
SELECT
    bucket,
    k1 AS keys,
    countIf(NOT old AND first_bucket = bucket) AS new,
    countIf(old OR first_bucket != bucket) AS returning,
    new + returning AS requesters,
    countIf(number = 1 AND NOT old) AS total_new,
    countIf(number = 1 AND old) AS total_returning,
    total_new + total_returning AS total_requesters
FROM
(
    SELECT
        tupleElement(place, 1) AS bucket, tupleElement(place, 2) AS k1, number,
        first_at < {from:DateTime('UTC')} AS old,
        roundDown(toUnixTimestamp(first_at), bounds) AS first_bucket
    FROM
    (
        SELECT person, arrayDistinct(groupArray(tuple(bucket, k1))) AS places
        FROM
        (
            SELECT roundDown(toUnixTimestamp(created_at), bounds) AS bucket, arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, person
            FROM
            (
                SELECT
                    account, ticket_id, created_at, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id, type, form_id,
                    if(merged_user = 1, first_user, user) AS person
                FROM (SELECT *, (account, requester_id) AS user FROM tickets FINAL
                WHERE 1 AND requester_id != 0 AND created_at <= now('UTC')
                    AND created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
                    AND deleted = 0
                ) AS o LEFT ANY JOIN (SELECT (account, arrayJoin(user_ids)) AS user, (account, user_ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM people FINAL
WHERE 1 AND length(user_ids) > 1
UNION ALL
SELECT (account, arrayJoin(ids)) AS user, (account, ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM
(
    SELECT account, argMax(user_ids, _ver) AS ids
    FROM people
    WHERE (account, person_id) IN
    (
        SELECT account, person_id FROM people WHERE 1 AND is_deleted = 1 AND length(user_ids) > 1
    )
    GROUP BY account, person_id
    HAVING argMax(is_deleted, _ver) = 1 AND length(ids) > 1
)) AS u USING (user)
            )
            WHERE 1 
        )
        GROUP BY person
    ) AS t
    LEFT ANY JOIN
    (
        SELECT
            if(merged_user = 1, first_user, user) AS person,
            min(own_first) AS first_at
        FROM (SELECT (account, user_id) AS user, assumeNotNull(first_ticket_at) AS own_first
FROM person_stats FINAL
WHERE 1 AND first_ticket_at IS NOT NULL
    AND (first_ticket_at >= {from:DateTime('UTC')} OR user_id IN (SELECT arrayJoin(user_ids) FROM people WHERE 1 AND length(user_ids) > 1))
UNION ALL
SELECT (account, requester_id) AS user, min(created_at) AS own_first
FROM tickets FINAL
WHERE 1 AND created_at <= now('UTC') AND deleted = 0
    AND requester_id IN
    (
        SELECT user_id
        FROM person_stats FINAL
        WHERE 1 AND first_ticket_at IS NULL AND tickets_total > 0
    )
GROUP BY user) AS r
        LEFT ANY JOIN (SELECT (account, arrayJoin(user_ids)) AS user, (account, user_ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM people FINAL
WHERE 1 AND length(user_ids) > 1
UNION ALL
SELECT (account, arrayJoin(ids)) AS user, (account, ids[1]) AS first_user, toUInt8(1) AS merged_user
FROM
(
    SELECT account, argMax(user_ids, _ver) AS ids
    FROM people
    WHERE (account, person_id) IN
    (
        SELECT account, person_id FROM people WHERE 1 AND is_deleted = 1 AND length(user_ids) > 1
    )
    GROUP BY account, person_id
    HAVING argMax(is_deleted, _ver) = 1 AND length(ids) > 1
)) AS v USING (user)
        GROUP BY person
        HAVING first_at >= {from:DateTime('UTC')}
    ) AS p USING (person)
    ARRAY JOIN places AS place, arrayEnumerate(places) AS number
)
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report requesters as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose StatementBegin
CREATE VIEW IF NOT EXISTS report_tickets AS
WITH
    toDateTime(least(toUnixTimestamp(greatest({to:DateTime('UTC')}, {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + if({interval:String} = 'hour', 1800007200, 4294967295)), 'UTC') AS range_end,
    arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp(range_end), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, range_end) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, range_end) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, range_end) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, range_end) + 3)),
        []))) AS bounds
SELECT toDateTime(multiIf({interval:String} = 'hour', toUInt32(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))) - 60 * toMinute(toDateTime(toUInt32(bucket - 60 * toMinute(toDateTime(bucket, {tz:String})) - toSecond(toDateTime(bucket, {tz:String}))), {tz:String}))), {interval:String} = 'day', toUnixTimestamp(toStartOfDay(toDateTime(bucket, {tz:String}))), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(toDateTime(bucket, {tz:String})), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, {tz:String})), {tz:String})), bucket), 'UTC') AS at, if(keys = '', if({group_by:String} = '', '', '(none)'), keys) AS key, tickets, unsolved, solved, good, bad, deleted, merged, unassigned_unsolved, unreplied
FROM
(
SELECT
    roundDown(toUnixTimestamp(created_at), bounds) AS bucket,
    arrayJoin(multiIf({group_by:String} = 'assignee', [if(assignee_id = 0, '', toString(assignee_id))], {group_by:String} = 'group', [if(group_id = 0, '', toString(group_id))], {group_by:String} = 'channel', [toString(channel)], {group_by:String} = 'tag', if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))), {group_by:String} = 'brand', [if(brand_id = 0, '', toString(brand_id))], {group_by:String} = 'organization', [if(organization_id = 0, '', toString(organization_id))], {group_by:String} = 'priority', [toString(priority)], {group_by:String} = 'type', [toString(type)], {group_by:String} = 'status', [toString(current_status)], {group_by:String} = 'form', [if(form_id = 0, '', toString(form_id))], [''])) AS k1, k1 AS keys,
    countIf(t.deleted = 0) AS tickets,
    countIf(t.deleted = 0 AND current_status IN ('new', 'open', 'pending', 'hold')) AS unsolved,
    countIf(t.deleted = 0 AND current_status IN ('solved', 'closed')) AS solved,
    countIf(t.deleted = 0 AND rated AND csat = 'good') AS good,
    countIf(t.deleted = 0 AND rated AND csat = 'bad') AS bad,
    countIf(t.deleted != 0) AS deleted,
    countIf(t.deleted = 0 AND t.merged != 0) AS merged,
    countIf(t.deleted = 0 AND current_status IN ('new', 'open', 'pending', 'hold') AND assignee_id = 0) AS unassigned_unsolved,
    countIf(t.deleted = 0 AND replies = 0) AS unreplied,
    countIf(rating_is_later) AS rated_later
FROM (SELECT
    account, ticket_id, created_at, requester_id, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id,
    type, form_id, deleted, merged, csat, ifNull(csat_at <= now('UTC'), 0) AS rated, replies, public_agent_comments,
    ifNull(csat_at > now('UTC'), 0) AS rating_is_later, _partition_id AS month
FROM tickets FINAL
WHERE 1 AND created_at <= now('UTC')) AS t

WHERE created_at >= {from:DateTime('UTC')} AND created_at < {to:DateTime('UTC')}
    AND (t.merged = 0 OR 0 = 0)
    
    
GROUP BY bucket, k1
)
WHERE (SELECT throwIf({from:DateTime('UTC')} >= {to:DateTime('UTC')}, 'from must be before to and before 2106')) = 0
    AND (SELECT throwIf({group_by:String} NOT IN ('', 'assignee', 'group', 'channel', 'tag', 'brand', 'organization', 'priority', 'type', 'status', 'form'), 'group_by takes nothing or one of assignee, group, channel, tag, brand, organization, priority, type, status, form')) = 0
    AND (SELECT throwIf({interval:String} NOT IN ('', 'hour', 'day', 'week', 'month'), 'interval takes nothing, hour, day, week or month')) = 0
    AND (SELECT throwIf(length(bounds) > 500000, 'interval gives more than 500000 buckets for this range; ask for a longer interval or a shorter range')) = 0
COMMENT 'The report tickets as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)';
-- +goose StatementEnd

-- +goose Down
DROP VIEW IF EXISTS report_tickets;
DROP VIEW IF EXISTS report_requesters;
DROP VIEW IF EXISTS report_stations;
DROP VIEW IF EXISTS report_touches;
DROP VIEW IF EXISTS report_assignment_time;
DROP VIEW IF EXISTS report_agent_work_time;
DROP VIEW IF EXISTS report_on_hold_time;
DROP VIEW IF EXISTS report_agent_wait_time;
DROP VIEW IF EXISTS report_requester_wait_time;
DROP VIEW IF EXISTS report_full_resolution_time;
DROP VIEW IF EXISTS report_first_resolution_time;
DROP VIEW IF EXISTS report_next_reply_time;
DROP VIEW IF EXISTS report_first_reply_time;
DROP VIEW IF EXISTS report_sla;
DROP VIEW IF EXISTS report_activities;
DROP VIEW IF EXISTS report_keywords;
DROP VIEW IF EXISTS report_replies;
DROP VIEW IF EXISTS report_csat;
DROP VIEW IF EXISTS report_assignments;
DROP VIEW IF EXISTS report_backlog;
DROP VIEW IF EXISTS report_reopens;
DROP VIEW IF EXISTS report_closures;
DROP VIEW IF EXISTS report_tickets_created;
