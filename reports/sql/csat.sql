-- Tickets by the rating that counts at as_of: the latest record then, dated by its last change (M21 to M23).
SELECT
    {{.Bucket "at"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    count() AS surveyed,
    countIf(score = 'offered') AS offered_unrated,
    countIf(score = 'good') AS good,
    countIf(score = 'bad') AS bad,
    if(good + bad = 0, NULL, 100 * good / (good + bad)) AS score_pct,
    if(surveyed = 0, NULL, 100 * (good + bad) / surveyed) AS response_pct
FROM ticket_events AS e FINAL {{template "part_current.sql" .}}
WHERE {{.Accounts}} AND kind = 'rating' AND score IN ('offered', 'good', 'bad')
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    AND until > toDateTime({as_of:UInt32}, 'UTC')
    AND {{.Counted}}
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
