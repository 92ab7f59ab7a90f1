-- People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once. First tickets are
-- looked for by requester, of whom there are fewer than tickets.
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
        SELECT *, status AS current_status
        FROM tickets FINAL
        WHERE account IN {accounts:Array(String)} AND requester_id != 0 AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
            AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
            AND (deleted = 0 OR {include_deleted:UInt8} = 1) AND (merged = 0 OR {exclude_merged:UInt8} = 0)
    ) AS t
    INNER JOIN
    (
        SELECT account, requester_id, person, min(own_first) OVER (PARTITION BY account, person) AS first_at
        FROM
        (
            SELECT r.account AS account, r.requester_id AS requester_id, r.own_first AS own_first, if(a.person_id = '', r.alias, a.person_id) AS person
            FROM
            (
                SELECT account, requester_id, min(created_at) AS own_first, concat('zendesk:', toString(requester_id)) AS alias
                FROM tickets FINAL
                WHERE account IN {accounts:Array(String)} AND requester_id != 0 AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                    AND (deleted = 0 OR {include_deleted:UInt8} = 1)
                GROUP BY account, requester_id
            ) AS r
            LEFT ANY JOIN
            (
                SELECT account, alias, person_id
                FROM person_aliases FINAL
                WHERE account IN {accounts:Array(String)} AND startsWith(alias, 'zendesk:')
            ) AS a ON a.account = r.account AND a.alias = r.alias
        )
    ) AS p USING (account, requester_id)
    WHERE 1 /*filters*/
)
GROUP BY bucket, keys
