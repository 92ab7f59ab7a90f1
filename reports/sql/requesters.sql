-- People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once, as the first of their
-- users. Whose first ticket is older than the range is found in no row of `p`, and has the first second of 1970. The totals are those of the whole
-- range, in which somebody is new who is new in any bucket of it. People are looked at once each, with the places in which their tickets are, and
-- count for the whole range in the first of these.
/*several*//*one*/WITH (SELECT (groupArray(user), groupArray(first_user)) FROM (/*merged_users*/)) AS same_users
/*end*/SELECT
    bucket,
    /*keys*/ AS keys,
    countIf(NOT old AND first_bucket = bucket) AS new,
    countIf(old OR first_bucket != bucket) AS returning,
    new + returning AS requesters,
    countIf(number = 1 AND NOT old) AS total_new,
    countIf(number = 1 AND old) AS total_returning,
    total_new + total_returning AS total_requesters/*told*/,
    countIf(unknown) AS unsure/*searched*//*end*/
FROM
(
    SELECT
        /*of_place*/number,
        first_at < toDateTime({from:UInt32}, 'UTC') AS old,
        roundDown(toUnixTimestamp(first_at), {bounds:Array(UInt32)}) AS first_bucket/*told*/, unknown/*searched*//*end*/
    FROM
    (
        SELECT person, arrayDistinct(groupArray(/*place*/)) AS places
        FROM
        (
            SELECT roundDown(toUnixTimestamp(created_at), {bounds:Array(UInt32)}) AS bucket, /*by*/person
            FROM
            (
                SELECT
                    account, ticket_id, created_at, status AS current_status, assignee_id, group_id, priority, channel, tags, brand_id, organization_id, type, form_id,
                    /*several*/if(merged_user = 1, first_user, user)/*one*/transform(requester_id, tupleElement(same_users, 1), tupleElement(same_users, 2), requester_id)/*end*/ AS person
                FROM /*several*/(SELECT *, (account, requester_id) AS user FROM /*one*//*end*/tickets FINAL
                WHERE account IN {accounts:Array(String)} AND requester_id != 0 AND created_at <= toDateTime({as_of:UInt32}, 'UTC')
                    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
                    AND /*counted*/
                /*several*/) AS o LEFT ANY JOIN (/*merged_users*/) AS u USING (user)/*one*//*end*/
            )
            WHERE 1 /*filters*/
        )
        GROUP BY person
    ) AS t
    LEFT ANY JOIN
    (
        SELECT
            /*several*/if(merged_user = 1, first_user, user)/*one*/transform(user, tupleElement(same_users, 1), tupleElement(same_users, 2), user)/*end*/ AS person,
            min(own_first) AS first_at/*told*/, max(own_unknown) AS unknown/*searched*//*end*/
        FROM (/*firsts*/) AS r
        /*several*/LEFT ANY JOIN (/*merged_users*/) AS v USING (user)/*one*//*end*/
        GROUP BY person
        HAVING first_at >= toDateTime({from:UInt32}, 'UTC')/*told*/ OR unknown/*searched*//*end*/
    ) AS p USING (person)
    ARRAY JOIN places AS place, arrayEnumerate(places) AS number
)
GROUP BY bucket/*and_by*/
