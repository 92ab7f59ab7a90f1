-- First and last occurrence and number of some activities of users, behind one position and up to another.
SELECT toString(account) AS account, user_id, toString(activity) AS activity, first_at, last_at, count, _seq, _ver
FROM person_activities AS a{{if .Final}} FINAL{{end}}
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64} AND a.activity IN {slugs:Array(String)}
