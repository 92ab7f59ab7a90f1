-- Names of agents, organizations, groups, brands and forms, and addresses of agents, behind one position and up to another.
SELECT account, kind, id, name, _seq, _ver
FROM
(
    SELECT toString(account) AS account, 'agent' AS kind, user_id AS id, name, _seq, _ver FROM agents{{if .Final}} FINAL{{end}}
    UNION ALL
    SELECT toString(account) AS account, 'agent_email' AS kind, user_id AS id, email AS name, _seq, _ver FROM agents{{if .Final}} FINAL{{end}}
    UNION ALL
    SELECT toString(account) AS account, 'organization' AS kind, organization_id AS id, if(is_deleted = 1, '', o.name) AS name, _seq, _ver FROM organizations AS o{{if .Final}} FINAL{{end}}
    UNION ALL
    SELECT toString(account) AS account, toString(n.kind) AS kind, id, if(is_deleted = 1, '', n.name) AS name, _seq, _ver FROM names AS n{{if .Final}} FINAL{{end}}
)
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64} AND kind IN {named:Array(String)}
