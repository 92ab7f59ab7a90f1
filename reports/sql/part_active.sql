SELECT name
FROM system.parts
WHERE active AND database = {database:String} AND table = {table:String} AND name = {part:String}
