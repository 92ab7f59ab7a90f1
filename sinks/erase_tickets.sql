ALTER TABLE tickets
UPDATE
    description = '',
    subject = if(ticket_id IN {tickets:Array(Int64)}, '', subject),
    subject_tokens = if(ticket_id IN {tickets:Array(Int64)}, '', subject_tokens),
    custom_fields = if(ticket_id IN {tickets:Array(Int64)}, '{}', custom_fields),
    details = if(ticket_id IN {tickets:Array(Int64)}, '{}', details),
    csat_comment = if(ticket_id IN {tickets:Array(Int64)}, '', csat_comment),
    external_id = if(ticket_id IN {tickets:Array(Int64)}, '', external_id)
WHERE account = {account:String} AND (ticket_id IN {tickets:Array(Int64)} OR ticket_id IN {described:Array(Int64)})
