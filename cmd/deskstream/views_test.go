package main

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// checkViews compares every view of a report with the endpoint, over the worked account.
func checkViews(t *testing.T, app *App, api *client) {
	t.Helper()
	var list struct {
		Items []struct {
			Metric     string   `json:"metric"`
			Dimensions []string `json:"dimensions"`
			Values     []struct {
				Name string `json:"name"`
			} `json:"values"`
		} `json:"items"`
	}
	if err := api.call(t.Context(), "GET", "/v1/reports", nil, &list); err != nil {
		t.Fatal(err)
	}
	v := viewer{T: t, api: api, db: openDatabase(t, app)}
	for _, m := range list.Items {
		v.metric, v.values = m.Metric, nil
		for _, value := range m.Values {
			v.values = append(v.values, value.Name)
		}
		v.compare("day", "", "America/New_York")
		v.compare("week", "tag", "Asia/Kolkata")
		last := m.Dimensions[len(m.Dimensions)-1] // one that no other report has, or form
		v.compare("", strings.Replace(last, "form", "status", 1), "UTC")
	}
}

// viewer compares the view of one metric with its endpoint.
type viewer struct {
	*testing.T
	api    *client
	db     driver.Conn
	metric string
	values []string
}

func (v *viewer) compare(interval, groupBy, tz string) {
	v.Helper()
	query := url.Values{"from": {"2024-02-01T00:00:00Z"}, "to": {"2024-04-19T05:00:00Z"}, "tz": {tz}}
	arguments := fmt.Sprintf("from = '2024-02-01 00:00:00', to = '2024-04-19 05:00:00', tz = '%s', interval = '%s', group_by = '%s'", tz, interval, groupBy)
	if interval != "" {
		query.Set("interval", interval)
	}
	if groupBy != "" {
		query.Set("group_by", groupBy)
	}
	if v.metric == "keywords" {
		query.Set("phrase", "Travel-Insurance")
		arguments += ", phrase = 'Travel-Insurance'"
	}
	var want []string
	for _, r := range report(v, v.api, v.metric, query).Rows {
		if v.metric == "keywords" {
			r.Key = r.Key[1:]
		}
		if line, any := v.line(r.At, strings.Join(r.Key, ""), r.Values); any {
			want = append(want, line)
		}
	}
	got := v.view(arguments, interval, tz)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		v.Errorf("report_%s(%s):\n%s\nwant\n%s", v.metric, arguments, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// line writes a row; any is false where nothing happened, which a view leaves out. Running waits go on between two questions.
func (v *viewer) line(at, key string, values map[string]*float64) (text string, any bool) {
	text = at + " " + key + ":"
	for _, name := range v.values {
		x := values[name]
		if x == nil {
			text += " null"
			continue
		}
		any = any || *x != 0
		running := strings.Contains(v.metric, "_wait_time") || v.metric == "on_hold_time" || v.metric == "agent_work_time"
		if running && strings.HasSuffix(name, "_s") {
			text += fmt.Sprintf(" %.0f h", math.Floor(*x/36000))
			continue
		}
		text += fmt.Sprintf(" %.6g", *x)
	}
	return text, any
}

func (v *viewer) view(arguments, interval, tz string) (lines []string) {
	v.Helper()
	at := "''"
	if interval != "" {
		at = "formatDateTime(at, '%Y-%m-%d', '" + tz + "')"
	}
	columns := make([]string, len(v.values))
	for i, name := range v.values {
		columns[i] = "toFloat64OrNull(toString(" + name + "))"
	}
	rows, err := v.db.Query(v.Context(), "SELECT "+at+", key, ["+strings.Join(columns, ", ")+"] FROM report_"+v.metric+"("+arguments+")")
	if err != nil {
		v.Fatalf("report_%s(%s): %v", v.metric, arguments, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var at, key string
		var figures []*float64
		if err := rows.Scan(&at, &key, &figures); err != nil {
			v.Fatal(err)
		}
		values := map[string]*float64{}
		for i, name := range v.values {
			values[name] = figures[i]
		}
		if line, any := v.line(at, key, values); any {
			lines = append(lines, line)
		}
	}
	if err := rows.Err(); err != nil {
		v.Fatalf("report_%s(%s): %v", v.metric, arguments, err)
	}
	return lines
}
