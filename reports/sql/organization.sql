-- One organization with the figures of its people and tickets, deleted tickets left out.
SELECT
    account, organization_id, source_id, name, external_id, zendesk, archived, created_at, updated_at,
    (SELECT count() FROM people FINAL WHERE account IN {accounts:Array(String)} AND organization_id = {id:Int64}) AS people_total,
    (SELECT count() FROM tickets FINAL WHERE account IN {accounts:Array(String)} AND organization_id = {id:Int64} AND deleted = 0) AS tickets_total,
    (
        SELECT count() FROM tickets FINAL
        WHERE account IN {accounts:Array(String)} AND organization_id = {id:Int64} AND deleted = 0 AND status IN ('new', 'open', 'pending', 'hold')
    ) AS tickets_open,
    (
        SELECT if(countIf(csat IN ('good', 'bad')) = 0, NULL, 100 * countIf(csat = 'good') / countIf(csat IN ('good', 'bad'))) FROM tickets FINAL
        WHERE account IN {accounts:Array(String)} AND organization_id = {id:Int64} AND deleted = 0
    ) AS satisfaction_percent
FROM organizations FINAL
WHERE account IN {accounts:Array(String)} AND organization_id = {id:Int64}
LIMIT 1
