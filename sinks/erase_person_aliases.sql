ALTER TABLE person_aliases
DELETE WHERE account = {account:String} AND NOT startsWith(alias, 'p_')
    AND (person_id IN {own:Array(String)} OR sipHash64(alias) IN {aliases:Array(UInt64)})
