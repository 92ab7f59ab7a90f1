ALTER TABLE {table:Identifier} DELETE WHERE _ver < {least:UInt64}
