AND ({by_ticket:UInt8} = 1 OR at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
AND ({by_ticket:UInt8} = 0 OR ticket_created_at >= toDateTime({from:UInt32}, 'UTC') AND ticket_created_at < toDateTime({to:UInt32}, 'UTC'))
