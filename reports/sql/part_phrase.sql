SELECT bucket, arrayPushFront(keys, {{.Phrase}}) AS keys{{range .Values}}, {{.}}{{end}}
FROM
(
{{template "keywords.sql" .}}
)
