-- Organizations by name, from behind the last one of the page before.
WITH text -> replaceAll(replaceAll(lowerUTF8(text), 'i\xCC\x87', 'i'), 'ς', 'σ') AS lower_of
SELECT account, organization_id, source_id, name, external_id, zendesk, archived, created_at, updated_at
FROM organizations FINAL
WHERE account IN {accounts:Array(String)}
    AND ({text:String} = '' OR position(lower_of(concat(name, '\n', external_id)), lower_of({text:String})) > 0)
    AND ({further:UInt8} = 0 OR (name, organization_id) > ({after_name:String}, {after_id:Int64}))
ORDER BY name, organization_id
LIMIT {limit:UInt32}
