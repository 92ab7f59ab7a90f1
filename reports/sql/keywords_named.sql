-- The tickets of the texts that hold a phrase, when these are few and named. Of other tickets nothing is read.
SELECT account, ticket_id, created_at, keys
FROM
(
    SELECT account, ticket_id, created_at, status AS current_status, {{.By}}{{.Keys}} AS keys
    FROM tickets FINAL
    PREWHERE (account, created_at, ticket_id) IN CAST(
        arrayZip({found_accounts:Array(String)}, {found_created:Array(UInt32)}, {found_tickets:Array(Int64)}), 'Array(Tuple(String, DateTime(\'UTC\'), Int64))')
    WHERE {{.Counted}}
        {{.Filters}}
)
