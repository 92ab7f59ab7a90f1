-- Which of some organizations were deleted, or absorbed by another one.
SELECT account, organization_id
FROM organizations FINAL
WHERE account IN {accounts:Array(String)} AND organization_id IN {organizations:Array(Int64)} AND JSONHas(zendesk, 'active') AND NOT JSONExtractBool(zendesk, 'active')
