-- The differences of a cumulative report summed up: each group has a row in each bucket that began by as_of. What a difference says at an end holds
-- for the next bucket.
WITH differences AS
(
{{template "backlog.sql" .}}
)
SELECT
    grid.bucket AS bucket,
    grid.keys AS keys
    {{- range .Values}},
    sum(d.{{.}}) OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS {{.}}
    {{- end}}
FROM
(
    SELECT place.1 AS after, place.2 AS bucket, keys
    FROM (SELECT arrayJoin(arrayZip(arrayPopBack({ends:Array(UInt32)}), arraySlice({bounds:Array(UInt32)}, 1, length({ends:Array(UInt32)}) - 1))) AS place) AS places
    CROSS JOIN (SELECT DISTINCT keys FROM differences) AS groups
) AS grid
LEFT JOIN differences AS d ON d.bucket = grid.after AND d.keys = grid.keys
ORDER BY bucket, keys
