-- People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once, as the first of their
-- users. First tickets are looked for among those of the requesters in question and of merged people.
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
        SELECT *, if(merged_user = 1, first_user, user) AS person
        FROM
        (
            SELECT *, status AS current_status, (/*of*/requester_id) AS user
            FROM tickets FINAL
            WHERE account IN {accounts:Array(String)} AND requester_id != 0 AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
                AND (deleted = 0 OR {include_deleted:UInt8} = 1) AND (merged = 0 OR {exclude_merged:UInt8} = 0)
        ) AS o
        LEFT ANY JOIN (/*merged_users*/) AS u USING (user)
    ) AS t
    INNER JOIN
    (
        SELECT if(merged_user = 1, first_user, user) AS person, min(own_first) AS first_at
        FROM
        (
            SELECT (/*of*/requester_id) AS user, min(created_at) AS own_first
            FROM tickets FINAL
            WHERE account IN {accounts:Array(String)} AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                AND (deleted = 0 OR {include_deleted:UInt8} = 1)
                AND requester_id IN
                (
                    SELECT requester_id
                    FROM tickets
                    WHERE account IN {accounts:Array(String)} AND requester_id != 0
                        AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
                    UNION ALL
                    SELECT arrayJoin(user_ids)
                    FROM people
                    WHERE account IN {accounts:Array(String)} AND length(user_ids) > 1
                )
            GROUP BY user
        ) AS r
        LEFT ANY JOIN (/*merged_users*/) AS v USING (user)
        GROUP BY person
    ) AS p USING (person)
    WHERE 1 /*filters*/
)
GROUP BY bucket, keys
