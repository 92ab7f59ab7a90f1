-- Stored activities of an account by kind, and those that a retention would drop.
SELECT
    toString(activity) AS slug,
    toInt64(count()) AS stored,
    toInt64(countIf(toUnixTimestamp(occurred_at) <= transform(toString(activity), {slugs:Array(String)}, {kept_from:Array(UInt32)}, toUInt32(0)))) AS lost,
    min(occurred_at) AS oldest
FROM activities FINAL
WHERE account = {account:String} AND expires_at > toDateTime({now:UInt32}, 'UTC')
GROUP BY slug
ORDER BY slug
