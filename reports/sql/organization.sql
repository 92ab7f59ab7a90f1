-- One organization, and the one that absorbed it.
SELECT
    account, organization_id, source_id, name, external_id, zendesk, archived, created_at, updated_at,
    JSONExtractInt(zendesk, 'merged_into') AS merged_into
FROM organizations FINAL
WHERE account IN {accounts:Array(String)} AND organization_id = {id:Int64}
LIMIT 1
