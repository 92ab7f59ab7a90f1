-- Service-level targets: breached if a breach was not withdrawn, else achieved if fulfilled, else active (M24). Dated by what decided
-- it; an active one by when the target was set.
SELECT
    {{.Bucket "at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
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
    WHERE {{.Accounts}} AND withdrawn = 0 AND m.at <= toDateTime({as_of:UInt32}, 'UTC')
    GROUP BY account, ticket_id, metric, instance_id
    HAVING countIf(type = 'apply_sla') > 0
) AS e
INNER JOIN
(
    SELECT *, status AS current_status
    FROM tickets FINAL
    WHERE {{.Accounts}}
        AND {{.Counted}}
) AS t USING (account, ticket_id)
WHERE at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
