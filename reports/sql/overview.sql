-- Records that Zendesk brought into an account, and its activities while it was connected: all, of the last days, and by day. The source that was deleted before
-- the one there is now counts too.
SELECT
    (SELECT toInt64(count()) FROM people FINAL WHERE account = {account:String} AND notEmpty(source_ids)) AS people,
    (SELECT toInt64(count()) FROM organizations FINAL WHERE account = {account:String} AND source_id != '') AS organizations,
    sum(total) AS total_activities,
    sumIf(total, at >= toDateTime({last_days:UInt32}, 'UTC')) AS last_days,
    arrayMap(b -> toInt64(arraySum(x -> if(x.1 = b, x.2, 0), groupArray((day, total)))), {bounds:Array(UInt32)}) AS per_day
FROM
(
    SELECT at, sum(connected) AS total, if(toUnixTimestamp(at) < {bounds:Array(UInt32)}[1], 0, roundDown(toUnixTimestamp(at), {bounds:Array(UInt32)})) AS day
    FROM activity_counts FINAL
    WHERE account = {account:String}
    GROUP BY at
)
