-- Hashes of the names by which a person was found and by which nobody is now. The names themselves would stay in the server's list of
-- mutations. An alias from one person id to another is no name.
SELECT toString(sipHash64(alias))
FROM person_aliases
WHERE account = {account:String} AND NOT startsWith(alias, 'p_')
GROUP BY alias
HAVING argMax(is_deleted, _ver) = 1 AND countIf(person_id IN {own:Array(String)}) > 0
