-- Stored tickets by period of their creation, as Zendesk counted them: what was deleted after the count was still there.
SELECT roundDown(toUnixTimestamp(created_at), {starts:Array(UInt32)}) AS bucket, count() AS tickets
FROM tickets FINAL
WHERE account = {account:String}
    AND created_at >= toDateTime({from:UInt32}, 'UTC') AND created_at < toDateTime({to:UInt32}, 'UTC')
    AND (deleted = 0 OR status_since >= toDateTime({counted:UInt32}, 'UTC'))
GROUP BY bucket
