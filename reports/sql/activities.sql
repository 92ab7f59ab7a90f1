-- Activities within retention and the people they belong to; merged people count once, as the first of their users. Those of deleted tickets are
-- left out (G6): which ones is told by the index ix_gone. Within one account users are numbers, which are counted as bits; those of merged people become
-- the one of their first user in the end.
/*several*//*one*/WITH
(
    SELECT (groupArray(toUInt64(user)), groupArray(toUInt64(first_user)))
    FROM (/*merged_users*/)
    WHERE user != first_user
) AS same_users
/*end*/SELECT
    roundDown(toUnixTimestamp(occurred_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS activities,
    /*several*/uniqExactIf(if(merged_user = 1, first_user, user), user_id > 0)/*one*/bitmapCardinality(bitmapTransform(
        groupBitmapStateIf(toUInt64(user_id), user_id > 0), tupleElement(same_users, 1), tupleElement(same_users, 2)))/*end*/ AS people
FROM
(
    SELECT *, /*several*/(account, user_id) AS user, /*one*//*end*/status AS current_status
    FROM activities FINAL
    WHERE account IN {accounts:Array(String)} AND expires_at > toDateTime({now:UInt32}, 'UTC')
        AND occurred_at >= toDateTime({from:UInt32}, 'UTC') AND occurred_at < toDateTime({to:UInt32}, 'UTC')
        AND occurred_at <= toDateTime({as_of:UInt32}, 'UTC')
        /*gone*/
) AS a
/*several*/LEFT ANY JOIN (/*merged_users*/) AS p USING (user)/*one*//*end*/
WHERE 1 /*filters*/
GROUP BY bucket/*and_by*/
