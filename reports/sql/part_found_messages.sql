PREWHERE at >= toDateTime({found_from:UInt32}, 'UTC') AND at <= toDateTime({found_to:UInt32}, 'UTC') AND (account, at, ticket_id, message_id) IN
    CAST(arrayZip({found_accounts:Array(String)}, {found_at:Array(UInt32)}, {found_tickets:Array(Int64)}, {found_messages:Array(Int64)}),
        'Array(Tuple(String, DateTime(\'UTC\'), Int64, Int64))')
