-- Seconds that tickets spent in a set of statuses, by the time of the ticket's creation (M10 to M13). `live` adds the status that runs
-- at as_of; `completed` is what Zendesk shows: it moves when a status ends, and is null before the first one has.
SELECT
    bucket,
    /*keys*/ AS keys,
    /*figures*/
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket, /*by*/
        /*seconds*/ AS seconds
    FROM
    (
        SELECT
            t.*, current_status,
            /*then*/if(now_since <= {as_of:UInt32}, now_since, then_since) AS since, if(now_since <= {as_of:UInt32}, current_status, then_running) AS running,
            if(now_since <= {as_of:UInt32}, now_ended, then_ended) AS ended, if(now_since <= {as_of:UInt32}, now_s, if(measured, then_s, NULL)) AS ended_s
            /*now*/now_since AS since, current_status AS running, now_ended AS ended, now_s AS ended_s/*end*/
        FROM
        (
            SELECT
                *, status AS current_status, toUnixTimestamp(status_since) AS now_since, status_changes AS now_ended, /*measured*/ AS measured,
                if(has({statuses:Array(String)}, 'new'), /*new_s*/, 0) + if(has({statuses:Array(String)}, 'open'), /*open_s*/, 0)
                    + if(has({statuses:Array(String)}, 'pending'), /*pending_s*/, 0) + if(has({statuses:Array(String)}, 'hold'), /*hold_s*/, 0) AS now_s
            FROM tickets FINAL
            WHERE account IN {accounts:Array(String)}
                AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
                AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                AND /*counted*/
        ) AS t
        /*then*/LEFT ANY JOIN
        (
            -- Spells are cut at changes of assignee, group and priority too, so the running status may be several spells at the end.
            SELECT
                account, ticket_id,
                arraySort(groupArray((toUnixTimestamp(at), toUnixTimestamp(until), toString(status), /*spell_s*/))) AS spells,
                if(spells[-1].2 > {as_of:UInt32}, arrayLastIndex(x -> x.3 != spells[-1].3, spells), length(spells)) AS then_ended,
                if(then_ended = length(spells), '', spells[-1].3) AS then_running,
                spells[then_ended + 1].1 AS then_since,
                arrayFilter(x -> has({statuses:Array(String)}, x.3), arraySlice(spells, 1, then_ended)) AS counting,
                if(arrayExists(x -> x.4 IS NULL, counting), NULL, arraySum(x -> ifNull(x.4, 0), counting)) AS then_s
            FROM ticket_events FINAL
            WHERE account IN {accounts:Array(String)} AND kind = 'state' AND at <= toDateTime({as_of:UInt32}, 'UTC')
            GROUP BY account, ticket_id
        ) AS s USING (account, ticket_id)/*now*//*end*/
        WHERE 1 /*filters*/
    ) AS w
    /*opening*/
)
GROUP BY bucket/*and_by*/
