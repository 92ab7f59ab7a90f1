-- Activities within retention and the people they belong to; merged people count once, as the first of their users. Those of deleted tickets are
-- left out (G6): which ones is asked of the tickets that have a row that says so, of whom there are few.
SELECT
    roundDown(toUnixTimestamp(occurred_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS activities,
    uniqExactIf(if(merged_user = 1, first_user, user), user_id > 0) AS people
FROM
(
    SELECT *, (/*of*/user_id) AS user, status AS current_status
    FROM activities FINAL
    WHERE account IN {accounts:Array(String)} AND expires_at > toDateTime({now:UInt32}, 'UTC')
        AND occurred_at >= toDateTime({from:UInt32}, 'UTC') AND occurred_at < toDateTime({to:UInt32}, 'UTC')
        AND occurred_at <= toDateTime({as_of:UInt32}, 'UTC')
        AND (account, ticket_id) NOT IN
        (
            SELECT account, ticket_id
            FROM tickets FINAL
            PREWHERE (account, created_at, ticket_id) IN
            (
                SELECT account, created_at, ticket_id
                FROM tickets
                WHERE account IN {accounts:Array(String)}
                    AND ((deleted = 1 AND {include_deleted:UInt8} = 0) OR (merged = 1 AND {exclude_merged:UInt8} = 1))
            )
            WHERE (deleted = 1 AND {include_deleted:UInt8} = 0) OR (merged = 1 AND {exclude_merged:UInt8} = 1)
        )
) AS a
LEFT ANY JOIN (/*merged_users*/) AS p USING (user)
WHERE 1 /*filters*/
GROUP BY bucket/*and_by*/
