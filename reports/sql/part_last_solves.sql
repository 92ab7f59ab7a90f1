SELECT account, ticket_id, max(at) AS solved_at, tupleElement(argMax(tuple(business_seconds), at), 1) AS solved_business_s, toUInt8(1) AS done
FROM ticket_events FINAL
WHERE {{.Accounts}} AND kind = 'solve'
    AND at >= toDateTime({since:UInt32}, 'UTC') AND at <= toDateTime({as_of:UInt32}, 'UTC')
    AND (account, ticket_id) NOT IN
    (
        SELECT account, ticket_id
        FROM ticket_events FINAL
        WHERE {{.Accounts}} AND kind = 'state' AND status NOT IN ('solved', 'closed')
            AND at <= toDateTime({as_of:UInt32}, 'UTC') AND until > toDateTime({as_of:UInt32}, 'UTC')
    )
GROUP BY account, ticket_id
