-- Organizations by name, from behind the last one of the page before.
SELECT account, organization_id, source_id, name, external_id, zendesk, archived, created_at, updated_at
FROM organizations FINAL
WHERE account IN {accounts:Array(String)}
    AND ({text:String} = '' OR position(lowerUTF8(concat(name, '\n', external_id)), {text:String}) > 0)
    AND ({further:UInt8} = 0 OR (name, organization_id) > ({after_name:String}, {after_id:Int64}))
ORDER BY name, organization_id
LIMIT {limit:UInt32}
