-- Organizations behind one position and up to another.
SELECT
    toString(account) AS account, organization_id, toString(source_id) AS source_id, name, external_id, zendesk, archived, created_at, updated_at, is_deleted,
    _seq, _ver
FROM organizations{{if .Final}} FINAL{{end}}
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64}
