SELECT count() AS rows
FROM {table:Identifier}
WHERE _seq BETWEEN {from:UInt64} AND {to:UInt64} AND (_batch = {token:String} OR startsWith(_batch, {token:String} || '#'))
