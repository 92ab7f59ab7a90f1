-- Activities within retention and the people they belong to; merged people count once. Those of deleted tickets are left out (G6).
SELECT
    roundDown(toUnixTimestamp(occurred_at), {bounds:Array(UInt32)}) AS bucket,
    /*keys*/ AS keys,
    count() AS activities,
    uniqExactIf(if(survivor = '', own_id, survivor), own_id != '') AS people
FROM
(
    SELECT * EXCEPT (person_id), person_id AS own_id, status AS current_status
    FROM activities FINAL
    WHERE account IN {accounts:Array(String)} AND expires_at > toDateTime({now:UInt32}, 'UTC')
        AND occurred_at >= toDateTime({from:UInt32}, 'UTC') AND occurred_at < toDateTime({to:UInt32}, 'UTC')
        AND occurred_at <= toDateTime({as_of:UInt32}, 'UTC')
        AND (account, ticket_id) NOT IN
        (
            SELECT account, ticket_id
            FROM tickets FINAL
            WHERE account IN {accounts:Array(String)}
                AND ((deleted = 1 AND {include_deleted:UInt8} = 0) OR (merged = 1 AND {exclude_merged:UInt8} = 1))
        )
) AS a
LEFT ANY JOIN
(
    SELECT account, alias AS own_id, person_id AS survivor
    FROM person_aliases FINAL
    WHERE account IN {accounts:Array(String)} AND startsWith(alias, 'p_')
) AS p USING (account, own_id)
WHERE 1 /*filters*/
GROUP BY bucket, keys
