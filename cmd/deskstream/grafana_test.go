package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v2"

	"deskstream/local/localtest"
)

// dashboard is the part of a Grafana dashboard that is asked for.
type dashboard struct {
	Panels []struct {
		Title      string     `json:"title"`
		Type       string     `json:"type"`
		Datasource datasource `json:"datasource"`
		Targets    []struct {
			Datasource datasource `json:"datasource"`
			Format     int        `json:"format"` // of the plugin: 0 time series, 1 table
			SQL        string     `json:"rawSql"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name    string `json:"name"`
			Options []struct {
				Value string `json:"value"`
			} `json:"options"`
		} `json:"list"`
	} `json:"templating"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "schemas", "grafana.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// filledIn puts values in the place of variables, and of macros what version 4 of the plugin grafana-clickhouse-datasource writes
// (pkg/macros there). ${name:sqlstring} is Grafana's: quoted, quotes doubled.
func filledIn(t *testing.T, query string, from, to time.Time, variables map[string]string) string {
	t.Helper()
	for name, value := range variables {
		query = strings.ReplaceAll(query, "${"+name+":sqlstring}", "'"+strings.ReplaceAll(value, "'", "''")+"'")
	}
	begin, end := fmt.Sprintf("toDateTime(%d)", from.Unix()), fmt.Sprintf("toDateTime(%d)", to.Unix())
	query = regexp.MustCompile(`\$__timeFilter\((\w+)\)`).ReplaceAllString(query, "${1} >= "+begin+" AND ${1} <= "+end)
	query = regexp.MustCompile(`\$__timeInterval\((\w+)\)`).ReplaceAllString(query, "toStartOfInterval(toDateTime(${1}), INTERVAL 7200 second)")
	query = strings.NewReplacer("$__fromTime", begin, "$__toTime", end).Replace(query)
	if strings.Contains(query, "$") {
		t.Errorf("a variable or macro is left in %s", query)
	}
	return query
}

// analyst asks ClickHouse over HTTP as the read-only user.
type analyst struct {
	address  string
	user     *url.Userinfo
	database string
}

func analystOf(t *testing.T, dsn string) analyst {
	t.Helper()
	u, err := url.Parse(localtest.AnalystDSN(t, dsn))
	if err != nil {
		t.Fatal(err)
	}
	return analyst{localtest.TestEngine(t).HTTP(), u.User, strings.TrimPrefix(u.Path, "/")}
}

// rows gives the answer's columns and rows.
func (a analyst) rows(t *testing.T, query string) (columns []string, rows []map[string]any) {
	t.Helper()
	options := url.Values{"database": {a.database}, "output_format_json_quote_64bit_integers": {"0"}, "max_execution_time": {"30"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.address+"/?"+options.Encode(), strings.NewReader(query+" FORMAT JSON"))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := a.user.Password()
	r.SetBasicAuth(a.user.Username(), password)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %s: %s", err, text, query)
	}
	var out struct {
		Meta []struct{ Name string }
		Data []map[string]any
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Meta {
		columns = append(columns, m.Name)
	}
	return columns, out.Data
}

// checkDashboard asks every query of the dashboard as the read-only user over the worked account, with every value of its variables, and
// compares what panels show with the reports.
func checkDashboard(t *testing.T, app *App, api *client) {
	t.Helper()
	d, a := readDashboard(t), analystOf(t, app.dsn)
	from, to := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 4, 19, 5, 0, 0, 0, time.UTC)
	standard := map[string]string{"tz": "America/New_York", "phrase": "travel insurance"}
	for _, v := range d.Templating.List {
		if standard[v.Name] == "" {
			standard[v.Name] = v.Options[0].Value
		}
	}
	shown := map[string][]map[string]any{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if target.Datasource != (datasource{"grafana-clickhouse-datasource", "deskstream"}) || p.Datasource != target.Datasource {
				t.Errorf("%s: %v", p.Title, target.Datasource)
			}
			columns, rows := a.rows(t, filledIn(t, target.SQL, from, to, standard))
			if len(rows) == 0 {
				t.Errorf("%s shows nothing: %s", p.Title, target.SQL)
			}
			if (p.Type == "timeseries") != (target.Format == 0) || (target.Format == 0) != (columns[0] == "time") {
				t.Errorf("%s: format %d, columns %v", p.Title, target.Format, columns)
			}
			shown[p.Title] = append(shown[p.Title], rows...)
		}
	}
	for _, v := range d.Templating.List {
		for _, o := range v.Options {
			given := map[string]string{"tz": "UTC", "phrase": "it's", "interval": "week", "group_by": "group"}
			given[v.Name] = o.Value
			for _, p := range d.Panels {
				for _, target := range p.Targets {
					if strings.Contains(target.SQL, "${"+v.Name+":") {
						a.rows(t, filledIn(t, target.SQL, from, to, given))
					}
				}
			}
		}
	}
	query := url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}, "tz": {standard["tz"]}}
	c := panelCheck{t, api, query, shown}
	c.single("Tickets created", "tickets_created", "tickets")
	c.single("Tickets solved", "closures", "tickets_solved")
	c.single("Unsolved", "backlog", "unsolved")
	c.single("Satisfaction", "csat", "score_pct")
	c.single("First reply, median", "first_reply_time", "median_s")
	c.sum("Created and solved", "created", "tickets_created", "tickets")
	c.sum("Solved by ${group_by}", "solve_events", "closures", "solve_events")
	c.sum("Satisfaction by ${group_by}", "good", "csat", "good")
}

// TestDashboardSaysNames wants panels to call what they group by as the reports do.
func TestDashboardSaysNames(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	d, a := readDashboard(t), analystOf(t, p.app.dsn)
	from, to := time.Now().AddDate(0, 0, -60), time.Now()
	asked := 0
	for _, by := range d.values("group_by") {
		labels := map[string]bool{"": true}
		for _, metric := range []string{"closures", "csat"} {
			query := url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}, "group_by": {by}}
			for _, r := range report(t, p.api, metric, query).Rows {
				labels[r.Label[0]] = true
			}
		}
		for _, query := range d.queries("AS who") {
			_, rows := a.rows(t, filledIn(t, query, from, to, map[string]string{"tz": "UTC", "group_by": by}))
			asked += len(rows)
			for _, row := range rows {
				if who, _ := row["who"].(string); !labels[who] {
					t.Errorf("by %s: %q, the reports say %v", by, who, labels)
				}
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d rows", asked)
	}
}

// values gives those that a variable of the dashboard may have.
func (d *dashboard) values(variable string) (values []string) {
	for _, v := range d.Templating.List {
		for _, o := range v.Options {
			if v.Name == variable {
				values = append(values, o.Value)
			}
		}
	}
	return values
}

// queries gives the queries of panels that have a piece of SQL.
func (d *dashboard) queries(piece string) (queries []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if strings.Contains(target.SQL, piece) {
				queries = append(queries, target.SQL)
			}
		}
	}
	return queries
}

// panelCheck compares panels with reports of the same time.
type panelCheck struct {
	*testing.T
	api   *client
	query url.Values
	shown map[string][]map[string]any
}

// single compares the one figure of a panel with a report's total.
func (c panelCheck) single(title, metric, value string) {
	c.Helper()
	got, _ := c.shown[title][0][value].(float64)
	c.same(title, got, metric, value)
}

// sum compares a column of a panel, summed up, with a report's total.
func (c panelCheck) sum(title, column, metric, value string) {
	c.Helper()
	var sum float64
	for _, row := range c.shown[title] {
		x, _ := row[column].(float64)
		sum += x
	}
	c.same(title, sum, metric, value)
}

func (c panelCheck) same(title string, got float64, metric, value string) {
	c.Helper()
	want := report(c, c.api, metric, c.query).Totals[value]
	if want == nil || *want == 0 || math.Abs(got-*want) > 1e-9*math.Abs(*want) {
		c.Errorf("%s: %v, the report %s has %s", title, got, metric, shown(want))
	}
}

// TestComposeFile checks what hangs together in compose.yaml: configs and volumes that services use exist, every config is a file, which alone can be
// put into a container that is read-only, every image has a version, and every service runs without root and cannot write to its image.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Image    string                                `yaml:"image"`
			User     string                                `yaml:"user"`
			ReadOnly bool                                  `yaml:"read_only"`
			Configs  []struct{ Source, Target string }     `yaml:"configs"`
			Volumes  []string                              `yaml:"volumes"`
			Ports    []string                              `yaml:"ports"`
			Command  []string                              `yaml:"command"`
			Env      map[string]string                     `yaml:"environment"`
			Build    map[string]string                     `yaml:"build"`
			Depends  map[string]struct{ Condition string } `yaml:"depends_on"`
		} `yaml:"services"`
		Volumes map[string]any                   `yaml:"volumes"`
		Configs map[string]struct{ File string } `yaml:"configs"`
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	for name, s := range compose.Services {
		if !s.ReadOnly || s.User == "" || strings.HasPrefix(s.User, "0") || s.User == "root" || !strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s: image %s, user %s, read-only %v", name, s.Image, s.User, s.ReadOnly)
		}
		for _, c := range s.Configs {
			if !has(compose.Configs, c.Source) || !strings.HasPrefix(c.Target, "/") {
				t.Errorf("%s: config %s", name, c.Source)
			}
		}
		for _, v := range s.Volumes {
			if source, _, _ := strings.Cut(v, ":"); !has(compose.Volumes, source) {
				t.Errorf("%s: volume %s", name, v)
			}
		}
		for other := range s.Depends {
			if !has(compose.Services, other) {
				t.Errorf("%s depends on %s", name, other)
			}
		}
	}
	files := map[string]string{}
	for name, c := range compose.Configs {
		b, err := os.ReadFile(filepath.Join(root, c.File))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		files[name] = string(b)
	}
	// The stores can write, and log in whom the stages log in as, although nothing can be written into their images.
	if build := compose.Services["nats"].Build["dockerfile_inline"]; !strings.Contains(build, "chown "+compose.Services["nats"].User+" /data") {
		t.Errorf("nats: a new volume would be root's: %s", build)
	}
	if env := compose.Services["clickhouse"].Env; env["CLICKHOUSE_SKIP_USER_SETUP"] != "1" || !strings.Contains(files["clickhouse-users"], "<"+env["CLICKHOUSE_USER"]+">") {
		t.Errorf("clickhouse: %v", env)
	}
	// One address is given to Zendesk and to people: it leads to webhooks and to everything else.
	for name, port := range map[string]string{"ingest": "8081", "serve": "8080"} {
		s := compose.Services[name]
		if !strings.Contains(files["front"], "set $"+name+" "+name+":"+port+";") || s.Command[len(s.Command)-1] != "0.0.0.0:"+port || len(s.Ports) > 0 {
			t.Errorf("%s: command %v, ports %v", name, s.Command, s.Ports)
		}
	}
	public := compose.Services["serve"].Env["DESKSTREAM_PUBLIC_URL"]
	if ports := compose.Services["front"].Ports; len(ports) != 1 || !strings.Contains(public, ":"+strings.Split(ports[0], ":")[0]+"}") {
		t.Errorf("front: ports %v, public address %s", ports, public)
	}
	var given struct {
		Datasources []struct{ UID, Type string } `yaml:"datasources"`
	}
	if err := yaml.Unmarshal([]byte(files["grafana-datasource"]), &given); err != nil {
		t.Fatal(err)
	}
	if used := readDashboard(t).Panels[0].Datasource; len(given.Datasources) != 1 || given.Datasources[0].UID != used.UID || given.Datasources[0].Type != used.Type {
		t.Errorf("provisioned is %+v, the dashboard asks %+v", given.Datasources, used)
	}
}

func has[T any](m map[string]T, name string) bool {
	_, ok := m[name]
	return ok
}
