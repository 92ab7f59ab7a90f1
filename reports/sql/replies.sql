-- Public replies by the time and the author of the comment (M8, M28), and tickets without one by the time of their creation (M30).
SELECT
    bucket,
    {{.Keys}} AS keys,
    sum(given) AS public_replies,
    sum(lacking) AS unreplied
FROM
(
    WITH actor_id AS agent_id
    SELECT {{.Bucket "at"}} AS bucket, {{.By}}count() AS given, 0 AS lacking
    FROM ticket_events AS e FINAL {{template "part_current.sql" .}}
    WHERE {{.Accounts}} AND kind = 'reply'
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
        AND {{.Counted}}
        {{.Filters}}
    GROUP BY bucket{{.AndBy}}
    UNION ALL
    WITH toInt64(0) AS agent_id
    SELECT {{.Bucket "created_at"}} AS bucket, {{.By}}0 AS given, count() AS lacking
    FROM ({{template "part_tickets.sql" .}}) AS t
    WHERE replies = 0 AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND {{.Counted}}
        {{.Filters}}
    GROUP BY bucket{{.AndBy}}
)
GROUP BY bucket{{.AndBy}}
