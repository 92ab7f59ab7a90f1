-- Who is in which audience, behind one position and up to another.
SELECT toString(account) AS account, toString(audience_id) AS audience_id, person_id, since, is_deleted, _seq, _ver
FROM audience_members{{if .Final}} FINAL{{end}}
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64}
