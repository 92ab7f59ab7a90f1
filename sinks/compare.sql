SELECT
    key,
    countIf(side = 1) AS here,
    countIf(side = 2) AS there,
    anyIf(hash, side = 1) AS hash_here,
    anyIf(hash, side = 2) AS hash_there
FROM
(
    SELECT toString(tuple(/*key*/)) AS key, cityHash64(toString(tuple(* EXCEPT (/*uncompared*/)))) AS hash, 1 AS side
    FROM {table:Identifier} FINAL
    /*compared*/
    UNION ALL
    SELECT toString(tuple(/*key*/)) AS key, cityHash64(toString(tuple(* EXCEPT (/*uncompared*/)))) AS hash, 2 AS side
    FROM {other:Identifier}.{table:Identifier} FINAL
    /*compared*/
)
GROUP BY key
HAVING here != there OR hash_here != hash_there
ORDER BY key
LIMIT {limit:UInt64}
