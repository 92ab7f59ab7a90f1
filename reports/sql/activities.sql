-- Activities within retention and the people they belong to; merged people count once, as the first of their users. Those of deleted tickets are
-- left out (G6): which ones is told by the index ix_gone. People are counted in hash tables: as bits they would take several times as long, because
-- the ids of users in Zendesk are far apart.
/*several*//*one*/WITH (SELECT (groupArray(user), groupArray(first_user)) FROM (/*merged_users*/)) AS same_users
/*end*/SELECT
    roundDown(toUnixTimestamp(occurred_at), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    count() AS activities,
    uniqExactIf(/*several*/if(merged_user = 1, first_user, user)/*one*/transform(user_id, tupleElement(same_users, 1), tupleElement(same_users, 2), user_id)/*end*/, user_id > 0) AS people
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
