-- What assignments.sql says, but for what is held.
SELECT
    {{.Bucket "at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    count() AS assignments,
    countIf(previous_id != 0 AND previous_id != assignee_id) AS reassignments,
    uniqExactIf(({{if .Several}}account, {{end}}ticket_id), previous_id != 0 AND previous_id != assignee_id) AS reassigned_tickets
FROM ticket_events AS e FINAL {{template "part_current.sql" .}}
WHERE {{.Accounts}} AND kind = 'assign' AND assignee_id != 0
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    AND {{.Counted}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
