-- Names of ids: agents, organizations, or what the kind says.
SELECT {{.ID}} AS id, {{.Name}} AS name
FROM {{.Table}} FINAL
PREWHERE account IN {accounts:Array(String)} AND {{.ID}} IN {ids:Array(Int64)}{{if .OfKind}} AND kind = {kind:String}{{end}}
SETTINGS max_threads = 1
