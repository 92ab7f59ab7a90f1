-- The feed's line ends before what was said; of the attributes the texts go.
ALTER TABLE activities
UPDATE
    message = '',
    subject = if(ticket_id IN {others:Array(Int64)}, subject, ''),
    text = if(ticket_id IN {others:Array(Int64)} OR position(text, ': ') = 0, text, substring(text, 1, position(text, ': ') - 1)),
    attributes = if(ticket_id IN {others:Array(Int64)}, attributes,
        replaceRegexpAll(attributes, '"(comment|previous-subject|old-value|new-value)":"(?:[^"\\\\]|\\\\.)*"', '"\\1":""'))
WHERE account = {account:String}
    AND (ticket_id IN {tickets:Array(Int64)} OR ticket_id = 0 AND user_id IN {users:Array(Int64)}
        OR ticket_id IN {others:Array(Int64)}
            AND (actor_id IN {users:Array(Int64)} OR toInt64OrZero(JSONExtractString(attributes, 'author-id')) IN {users:Array(Int64)}))
