PREWHERE ticket_id IN {found_tickets:Array(Int64)}
