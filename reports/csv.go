package reports

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// The headers that say of a report as CSV what its rows do not.
const (
	headerAsOf       = "Deskstream-As-Of"
	headerThrough    = "Deskstream-Data-Through"
	headerDefinition = "Deskstream-Definition"
	headerMissing    = "Deskstream-Missing-Tickets"
)

var reportHeaders = map[string]string{
	headerAsOf:       "With format=csv: as_of of the answer",
	headerThrough:    "With format=csv: data_through of the answer; absent where that is null",
	headerDefinition: "With format=csv: definition of the answer",
	headerMissing:    "With format=csv: completeness.missing_tickets of the answer; absent where completeness is null",
}

func csvHeaders(a *reportAnswer) map[string]string {
	headers := map[string]string{headerAsOf: a.AsOf.Format(time.RFC3339), headerDefinition: a.Definition}
	if a.DataThrough != nil {
		headers[headerThrough] = a.DataThrough.Format(time.RFC3339Nano)
	}
	if a.Complete != nil {
		headers[headerMissing] = strconv.FormatInt(a.Complete.MissingTickets, 10)
	}
	return headers
}

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
