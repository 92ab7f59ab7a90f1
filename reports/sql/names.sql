-- Names of ids: agents, organizations, or what the kind says.
SELECT /*id*/ AS id, /*name*/ AS name
FROM /*table*/ FINAL
PREWHERE account IN {accounts:Array(String)} AND /*id*/ IN {ids:Array(Int64)} /*kind*/
SETTINGS max_threads = 1
