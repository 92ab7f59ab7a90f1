-- Rows that an erasure has to remove or to blank, by table, in all versions. Each counts once: its versions get fewer with every
-- merge of parts, and the erasure itself adds some.
SELECT 'people' AS name, uniqExact(person_id) AS rows FROM people
WHERE account = {account:String} AND person_id IN {own:Array(String)} AND NOT (is_deleted = 1 AND length(user_ids) > 1 AND zendesk = '{}')
UNION ALL
SELECT 'person_aliases', uniqExact(alias) FROM person_aliases
WHERE account = {account:String} AND NOT startsWith(alias, 'p_')
    AND (person_id IN {own:Array(String)} OR sipHash64(alias) IN {aliases:Array(UInt64)})
UNION ALL
SELECT 'person_identities', uniqExact(kind, value, user_id) FROM person_identities WHERE account = {account:String} AND user_id IN {users:Array(Int64)}
UNION ALL
SELECT 'agents', uniqExact(user_id) FROM agents WHERE account = {account:String} AND user_id IN {users:Array(Int64)} AND (name != '' OR email != '')
UNION ALL
SELECT 'person_stats', uniqExact(user_id) FROM person_stats
WHERE account = {account:String} AND (user_id IN {users:Array(Int64)} OR last_ticket_id IN {tickets:Array(Int64)}) AND last_ticket_subject != ''
UNION ALL
SELECT 'tickets', uniqExact(ticket_id) FROM tickets
WHERE account = {account:String}
    AND (ticket_id IN {tickets:Array(Int64)} AND (subject != '' OR subject_tokens != '' OR custom_fields != '{}' OR details != '{}' OR csat_comment != '' OR external_id != '')
        OR (ticket_id IN {tickets:Array(Int64)} OR ticket_id IN {described:Array(Int64)}) AND description != '')
UNION ALL
SELECT 'messages', uniqExact(ticket_id, message_id) FROM messages
WHERE account = {account:String} AND (ticket_id IN {tickets:Array(Int64)} OR author_id IN {users:Array(Int64)}) AND (body != '' OR tokens != '')
UNION ALL
SELECT 'ratings', uniqExact(rating_id) FROM ratings
WHERE account = {account:String} AND (ticket_id IN {tickets:Array(Int64)} OR requester_id IN {users:Array(Int64)}) AND comment != ''
UNION ALL
SELECT 'activities', uniqExact(activity_id) FROM activities
WHERE account = {account:String}
    AND ((ticket_id IN {tickets:Array(Int64)} OR ticket_id = 0 AND user_id IN {users:Array(Int64)})
            AND (subject != '' OR message != '' OR position(text, ': ') > 0 OR match(attributes, '"(comment|previous-subject|old-value|new-value)":"[^"]'))
        OR ticket_id IN {others:Array(Int64)} AND message != ''
            AND (actor_id IN {users:Array(Int64)} OR toInt64OrZero(JSONExtractString(attributes, 'author-id')) IN {users:Array(Int64)}))
UNION ALL
SELECT 'audience_entries', uniqExact(audience_id, entry_id) FROM audience_entries
WHERE account = {account:String} AND attributes != '{}'
    AND (person_id IN {own:Array(String)} OR JSONExtractInt(attributes, 'ticket_id') IN {tickets:Array(Int64)}
        OR JSONExtractInt(attributes, 'actor_id') IN {users:Array(Int64)})
