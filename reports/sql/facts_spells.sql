-- Seconds that one ticket had spent in each status at an instant: its spells up to then (M10 to M13).
SELECT toString(status) AS status, sum(dateDiff('second', at, least(until, toDateTime({as_of:UInt32}, 'UTC')))) AS seconds
FROM ticket_events FINAL
PREWHERE account = {account:String} AND kind = 'state' AND ticket_id = {id:Int64}
WHERE at <= toDateTime({as_of:UInt32}, 'UTC')
GROUP BY status
SETTINGS max_threads = 1
