-- Seconds that tickets spent in a set of statuses, by the time of the ticket's creation (M10 to M13). `live` adds the status that runs
-- at as_of; `completed` is what Zendesk shows: it moves when a status ends, and is null before the first one has.
SELECT
    bucket,
    /*keys*/ AS keys,
    /*figures*/
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket, /*by*//*then*/if(status_since <= toDateTime({as_of:UInt32}, 'UTC'), now_s, then_s)/*now*/now_s/*end*/ AS seconds
    FROM
    (
        SELECT
            *, status AS current_status,
            if(has({statuses:Array(String)}, 'new'), new_s, 0) + if(has({statuses:Array(String)}, 'open'), open_s, 0)
                + if(has({statuses:Array(String)}, 'pending'), pending_s, 0) + if(has({statuses:Array(String)}, 'hold'), hold_s, 0) AS ended_s,
            if(has({statuses:Array(String)}, status), greatest(0, toInt64({as_of:UInt32}) - toInt64(toUnixTimestamp(status_since))), 0) AS running_s,
            multiIf({completed:UInt8} = 0, ended_s + running_s, status_changes = 0 AND {statuses:Array(String)} != ['hold'], NULL, ended_s) AS now_s
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
            arraySort(groupArray((toUnixTimestamp(at), least(toUnixTimestamp(until), {as_of:UInt32}), toString(status)))) AS spells,
            if(max(until) > toDateTime({as_of:UInt32}, 'UTC'), arrayLastIndex(x -> x.3 != spells[-1].3, spells), length(spells)) AS ended,
            arraySum(x -> if(has({statuses:Array(String)}, x.3), toInt64(x.2) - toInt64(x.1), 0),
                if({completed:UInt8} = 1, arraySlice(spells, 1, ended), spells)) AS total_s,
            if({completed:UInt8} = 1 AND ended = 0 AND {statuses:Array(String)} != ['hold'], NULL, total_s) AS then_s
        FROM ticket_events FINAL
        WHERE account IN {accounts:Array(String)} AND kind = 'state' AND at <= toDateTime({as_of:UInt32}, 'UTC')
        GROUP BY account, ticket_id
    ) AS s USING (account, ticket_id)/*now*//*end*/
    WHERE 1 /*filters*/
)
GROUP BY bucket/*and_by*/
