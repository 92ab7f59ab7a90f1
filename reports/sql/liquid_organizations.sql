-- Organizations of people.
SELECT
    account, organization_id, source_id, name, external_id, zendesk, archived, created_at, updated_at,
    JSONExtractInt(zendesk, 'merged_into') AS merged_into
FROM organizations FINAL
WHERE account IN {accounts:Array(String)} AND organization_id IN {ids:Array(Int64)}
