ALTER TABLE activities
UPDATE expires_at = toDateTime(least(toUInt64(toUnixTimestamp(occurred_at)) + 86400 * toUInt64(transform(toString(activity), {slugs:Array(String)}, {days:Array(UInt32)}, {base:UInt32})), 4294967295), 'UTC')
WHERE account = {account:String}
  AND toUInt64(toUnixTimestamp(expires_at)) != least(toUInt64(toUnixTimestamp(occurred_at)) + 86400 * toUInt64(transform(toString(activity), {slugs:Array(String)}, {days:Array(UInt32)}, {base:UInt32})), 4294967295)
