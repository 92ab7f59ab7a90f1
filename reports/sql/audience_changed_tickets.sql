-- Organizations of tickets behind one position and up to another.
SELECT toString(account) AS account, organization_id, _seq, _ver
FROM tickets
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64} AND organization_id != 0
