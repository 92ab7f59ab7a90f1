-- Tickets and messages that hold a phrase: consecutive whole words (M29). Occurrences are start positions in messages; message 0 is the subject. Of
-- tickets only those are looked up that a text of the period names, and none at all where nothing is asked of them: which are left out is told by the
-- index ix_gone.
SELECT
    {{.Bucket "date"}} AS bucket,
    {{.By}}{{.Keys}} AS keys,
    uniqExactIf(ticket, message_id = 0) AS tickets_subject,
    uniqExactIf(ticket, message_id != 0) AS tickets_messages,
    uniqExact(ticket) AS tickets,
    countIf(message_id != 0) AS messages,
    sumIf(times, message_id != 0) AS occurrences
FROM
(
    {{if .Alone}}{{template "part_texts_alone.sql" .}}{{else}}{{template "part_texts_joined.sql" .}}{{end}}
)
WHERE date >= toDateTime({from:UInt32}, 'UTC') AND date < toDateTime({to:UInt32}, 'UTC') AND date <= toDateTime({as_of:UInt32}, 'UTC')
    {{.Filters}}
GROUP BY bucket{{.AndBy}}
