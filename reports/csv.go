package reports

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
)

// encodeCSV gives the rows of a report: bucket, key and name of each group, figures. Nulls are empty.
func encodeCSV(q *question, a *reportAnswer) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	header := []string{}
	if a.Interval != nil {
		header = append(header, "at")
	}
	for _, name := range a.GroupBy {
		header = append(header, name, name+"_label")
	}
	for _, v := range q.values {
		header = append(header, v.name)
	}
	if err := w.Write(header); err != nil {
		return nil, err
	}
	for _, row := range a.Rows {
		if err := w.Write(csvRow(q, a, row)); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func csvRow(q *question, a *reportAnswer, row reportRow) []string {
	var out []string
	if a.Interval != nil {
		out = append(out, row.At)
	}
	for i := range a.GroupBy {
		out = append(out, csvText(row.Key[i]), csvText(row.Label[i]))
	}
	for _, v := range q.values {
		text := ""
		if n := row.Values[v.name]; n != nil {
			text = strconv.FormatFloat(*n, 'f', -1, 64)
		}
		out = append(out, text)
	}
	return out
}

// csvText keeps spreadsheets from taking a name for a formula: tags, subjects and names come from outside.
func csvText(s string) string {
	if strings.IndexAny(s, "=+-@\t\r") == 0 {
		return "'" + s
	}
	return s
}
