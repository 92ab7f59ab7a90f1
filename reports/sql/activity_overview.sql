-- One activity: the people that ever had it, and how often it happened while the account was connected: in all, in the last days, and by day.
SELECT
    (
        SELECT toInt64(uniqExact(account, person_id))
        FROM (SELECT account, person_id, arrayJoin(user_ids) AS user_id FROM people FINAL WHERE account IN {accounts:Array(String)})
        WHERE (account, user_id) IN
        (
            SELECT account, user_id
            FROM person_activities FINAL
            WHERE account IN {accounts:Array(String)} AND activity = {activity:String} AND count > 0
        )
    ) AS people,
    sum(total) AS total_activities,
    sumIf(total, at >= toDateTime({last_days:UInt32}, 'UTC')) AS last_days,
    arrayMap(b -> toInt64(arraySum(x -> if(x.1 = b, x.2, 0), groupArray((day, total)))), {bounds:Array(UInt32)}) AS per_day
FROM
(
    SELECT at, sum(connected) AS total, if(toUnixTimestamp(at) < {bounds:Array(UInt32)}[1], 0, roundDown(toUnixTimestamp(at), {bounds:Array(UInt32)})) AS day
    FROM activity_counts FINAL
    WHERE account IN {accounts:Array(String)} AND activity = {activity:String}
    GROUP BY at
)
