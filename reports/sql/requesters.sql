-- People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once, as the first of their
-- users. Whose first ticket is older than the range is found in no row of `p`, and has the first second of 1970.
SELECT
    bucket,
    /*keys*/ AS keys,
    uniqExactIf(person, first_bucket = bucket) AS new,
    uniqExactIf(person, first_bucket != bucket) AS returning,
    new + returning AS requesters
FROM
(
    SELECT
        roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket,
        if(first_at < toDateTime({from:UInt32}, 'UTC'), toUInt32(0), roundDown(toUnixTimestamp(first_at), {bounds:Array(UInt32)})) AS first_bucket,
        /*by*/person
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
    LEFT ANY JOIN
    (
        SELECT if(merged_user = 1, first_user, user) AS person, min(own_first) AS first_at
        FROM (/*firsts*/) AS r
        LEFT ANY JOIN (/*merged_users*/) AS v USING (user)
        GROUP BY person
        HAVING first_at >= toDateTime({from:UInt32}, 'UTC')
    ) AS p USING (person)
    WHERE 1 /*filters*/
)
GROUP BY bucket/*and_by*/
