-- Solved tickets that became unsolved, by the time of the change (M5).
SELECT
    {{.Bucket "at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    count() AS reopens,
    uniqExact(account, ticket_id) AS reopened_tickets
FROM ticket_events AS e FINAL {{template "part_current.sql" .}}
WHERE {{.Accounts}} AND kind = 'reopen'
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    AND {{.Counted}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
