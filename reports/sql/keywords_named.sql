-- What keywords.sql says, when few texts hold the phrase: these are named, a message by when it was written and how often the phrase begins in it, a
-- subject by 0 times, and of their tickets nothing but these is read.
WITH
    status AS current_status, (account, ticket_id) AS ticket,
    if({by_ticket:UInt8} = 1 OR hit.4 = 0, created_at, hit.3) AS date
SELECT
    roundDown(toUnixTimestamp(date), {bounds:Array(UInt32)}) AS bucket,
    /*by*//*keys*/ AS keys,
    uniqExactIf(ticket, hit.4 = 0) AS tickets_subject,
    uniqExactIf(ticket, hit.4 != 0) AS tickets_messages,
    uniqExact(ticket) AS tickets,
    countIf(hit.4 != 0) AS messages,
    sum(hit.4) AS occurrences
FROM tickets FINAL
ARRAY JOIN arrayFilter(h -> h.1 = account AND h.2 = ticket_id, CAST(
    arrayZip({found_accounts:Array(String)}, {found_tickets:Array(Int64)}, {found_at:Array(UInt32)}, {found_times:Array(Int64)}),
    'Array(Tuple(String, Int64, DateTime(\'UTC\'), Int64))')) AS hit
PREWHERE (account, created_at, ticket_id) IN CAST(
    arrayZip({found_accounts:Array(String)}, {found_created:Array(UInt32)}, {found_tickets:Array(Int64)}), 'Array(Tuple(String, DateTime(\'UTC\'), Int64))')
WHERE date >= toDateTime({from:UInt32}, 'UTC') AND date < toDateTime({to:UInt32}, 'UTC') AND date <= toDateTime({as_of:UInt32}, 'UTC')
    AND (deleted = 0 OR {include_deleted:UInt8} = 1) AND (merged = 0 OR {exclude_merged:UInt8} = 0)
    /*filters*/
GROUP BY bucket/*and_by*/
