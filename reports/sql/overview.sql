-- Records that a source added, and its activities: all, of the last days, and by day.
SELECT
    (SELECT toInt64(count()) FROM people FINAL WHERE account = {account:String} AND source_id = {source:String}) AS people,
    (SELECT toInt64(count()) FROM organizations FINAL WHERE account = {account:String} AND source_id = {source:String}) AS organizations,
    sum(total) AS total_activities,
    sumIf(total, hour >= toDateTime({last_days:UInt32}, 'UTC')) AS last_days,
    arrayMap(b -> toInt64(arraySum(x -> if(x.1 = b, x.2, 0), groupArray((day, total)))), {bounds:Array(UInt32)}) AS per_day
FROM
(
    SELECT hour, sum(count) AS total, if(toUnixTimestamp(hour) < {bounds:Array(UInt32)}[1], 0, roundDown(toUnixTimestamp(hour), {bounds:Array(UInt32)})) AS day
    FROM activity_counts FINAL
    WHERE account = {account:String} AND source_id = {source:String}
    GROUP BY hour
)
