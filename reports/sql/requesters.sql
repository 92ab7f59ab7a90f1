-- People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once.
SELECT
    bucket,
    keys,
    uniqExactIf(person, first_bucket = bucket) AS new,
    uniqExactIf(person, first_bucket != bucket) AS returning,
    uniqExact(person) AS requesters
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
        if(first_at < toDateTime({from:UInt32}, 'UTC'), toUInt32(0), roundDown(toUnixTimestamp(first_at), {bounds:Array(UInt32)})) AS first_bucket,
        /*keys*/ AS keys,
        person
    FROM
    (
        SELECT
            t.*, t.status AS current_status,
            if(a.person_id = '', concat('zendesk:', toString(t.requester_id)), a.person_id) AS person,
            min(t.created_at) OVER (PARTITION BY t.account, person) AS first_at
        FROM
        (
            SELECT *, concat('zendesk:', toString(requester_id)) AS alias
            FROM tickets FINAL
            WHERE account IN {accounts:Array(String)} AND requester_id != 0 AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                AND (deleted = 0 OR {include_deleted:UInt8} = 1)
        ) AS t
        LEFT ANY JOIN
        (
            SELECT account, alias, person_id
            FROM person_aliases FINAL
            WHERE account IN {accounts:Array(String)} AND startsWith(alias, 'zendesk:')
        ) AS a ON a.account = t.account AND a.alias = t.alias
    )
    WHERE created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
        AND (merged = 0 OR {exclude_merged:UInt8} = 0)
        /*filters*/
)
GROUP BY bucket, keys
