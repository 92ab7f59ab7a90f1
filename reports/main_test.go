package reports

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"deskstream/local/localtest"
	"deskstream/processors"
	"deskstream/schemas"
	"deskstream/sinks"
)

// testNow is the clock of every test server.
var testNow = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)

const (
	testAccount = "acme"
	testSource  = "src_acme"
)

// memory keeps sources, cursors and keys as the stream would.
type memory struct {
	mu        sync.Mutex
	sources   map[string]schemas.Source
	deleted   []string // accounts of deleted sources
	cursors   map[string][]schemas.Cursor
	keys      []schemas.Key
	settings  map[string]schemas.Setting
	fail      error
	reads     int
	fences    int // how many PutSource still fail as fenced
	published []schemas.Event
	erasures  map[string]schemas.Erasure
	erases    bool // erasures end at once
	delivery  schemas.Delivery
	dead      []schemas.Undelivered
	stored    uint64 // see Position
	processed uint64
	output    uint64
	written   uint64
	outputs   *outputLog // nil = the rows are gone from the stream
	reflects  func()     // see Reflected
}

func (m *memory) Sources(context.Context) ([]schemas.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []schemas.Source
	for _, s := range m.sources {
		out = append(out, s)
	}
	return out, m.fail
}

func (m *memory) Accounts(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.Clone(m.deleted)
	for _, s := range m.sources {
		out = append(out, s.Account)
	}
	return out, m.fail
}

func (m *memory) Source(_ context.Context, id string) (schemas.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sources[id]
	if !ok {
		return s, fmt.Errorf("source %s: %w", id, schemas.ErrNotFound)
	}
	return s, m.fail
}

func (m *memory) PutSource(_ context.Context, s *schemas.Source) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fences > 0 {
		m.fences--
		return schemas.ErrFenced
	}
	if m.sources[s.ID].Revision != s.Revision {
		return schemas.ErrFenced
	}
	s.Revision++
	m.sources[s.ID] = *s
	return m.fail
}

func (m *memory) CreateSource(ctx context.Context, s *schemas.Source, allow func([]schemas.Source) error) error {
	others, err := m.Sources(ctx)
	if err == nil {
		err = allow(others)
	}
	if err != nil {
		return err
	}
	return m.PutSource(ctx, s)
}

func (m *memory) Cursors(_ context.Context, source string) ([]schemas.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[source], m.fail
}

func (m *memory) APIKeys(context.Context) ([]schemas.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return m.keys, m.fail
}

// Position says that nothing is waited for, unless a test says how far the events are.
func (m *memory) Position(context.Context, string) (stored, processed, output uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stored, m.processed, m.output, m.fail
}

// Written is what the tests put in so far, unless a test says otherwise.
func (m *memory) Written(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return cmp.Or(m.written, version.Load()), m.fail
}

// Newest is what the tests put into each table so far, of any database.
func (m *memory) Newest(context.Context) (map[string]uint64, error) {
	out := map[string]uint64{}
	newest.Range(func(table, at any) bool {
		out[table.(string)] = at.(uint64)
		return true
	})
	return out, m.fail
}

func (m *memory) Outputs(_ context.Context, q schemas.OutputQuery, fn func(schemas.OutputMessage) (bool, error)) (bool, error) {
	if m.outputs == nil {
		return false, m.fail
	}
	for _, o := range m.outputs.find(q) {
		if more, err := fn(o); err != nil || !more {
			return true, err
		}
	}
	return true, m.fail
}

// outputLog holds the rows that a test puts into its tables as the stream would.
type outputLog struct {
	mu  sync.Mutex
	all []loggedOutput
}

type loggedOutput struct {
	schemas.OutputMessage
	activity string
}

func (l *outputLog) add(tb testing.TB, table string, at, ver uint64, row any) {
	tb.Helper()
	a, _ := row.(schemas.Activity)
	data, err := json.Marshal(row)
	if err != nil {
		tb.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, loggedOutput{schemas.OutputMessage{Table: table, Seq: at, Ver: ver, Data: data}, a.Activity})
}

func (l *outputLog) find(q schemas.OutputQuery) (found []schemas.OutputMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.all {
		if o.Seq > q.From && o.Seq <= q.To && slices.Contains(q.Tables, o.Table) && (o.activity == "" || slices.Contains(q.Activities, o.activity)) {
			found = append(found, o.OutputMessage)
		}
	}
	return found
}

// outputLogs are those of databases whose rows are kept as the stream would.
var outputLogs sync.Map

// keepOutputs has a server find the rows that are put into its database from now on in the stream too.
func (s *testServer) keepOutputs() {
	s.store.outputs = &outputLog{}
	outputLogs.Store(s.db, s.store.outputs)
	s.t.Cleanup(func() { outputLogs.Delete(s.db) })
}

// generations are those of the rows that are put into databases.
var generations sync.Map

// replayed has the rows that are put into a database from now on come from another generation of the stream.
func (s *testServer) replayed(generation uint64) {
	generations.Store(s.db, generation)
}

func (m *memory) Setting(_ context.Context, name string) (schemas.Setting, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.settings[name]
	v.Name = name
	return v, m.fail
}

func (m *memory) PutSetting(_ context.Context, v *schemas.Setting) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fences > 0 {
		m.fences--
		return schemas.ErrFenced
	}
	if m.settings[v.Name].Revision != v.Revision {
		return schemas.ErrFenced
	}
	v.Revision++
	m.settings[v.Name] = *v
	return m.fail
}

func (m *memory) Settings(_ context.Context, prefix string) ([]schemas.Setting, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []schemas.Setting
	for name, v := range m.settings {
		if strings.HasPrefix(name, prefix) {
			v.Name = name
			out = append(out, v)
		}
	}
	return out, m.fail
}

func (m *memory) set(s schemas.Source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[s.ID] = s
}

func keyOf(text string, scopes ...string) schemas.Key {
	sum := sha256.Sum256([]byte(text))
	return schemas.Key{ID: "k_" + text, Hash: hex.EncodeToString(sum[:]), Scopes: scopes}
}

// steps records what the API asked of the connections and moves the status as the real ones do.
type steps struct {
	store *memory
	err   error

	mu    sync.Mutex
	calls []string
	last  schemas.AuthorizeRequest
}

func (c *steps) move(id, call string, to schemas.SourceStatus) (schemas.Source, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call+" "+id)
	if c.err != nil {
		return schemas.Source{}, c.err
	}
	s, err := c.store.Source(context.Background(), id)
	if to != "" {
		s.Status = to
		c.store.set(s)
	}
	return s, err
}

func (c *steps) Authorize(_ context.Context, id string, r schemas.AuthorizeRequest) (string, error) {
	c.last = r
	if r.Method == "oauth" {
		_, err := c.move(id, "authorize", schemas.SourceAwaiting)
		return "https://acme.zendesk.com/oauth?state=x", err
	}
	_, err := c.move(id, "authorize", schemas.SourceConnected)
	return "", err
}

func (c *steps) Callback(_ context.Context, state, code string) (schemas.Source, error) {
	return c.move(testSource, "callback "+state+" "+code, "")
}

func (c *steps) SetWebhookSecret(_ context.Context, id, secret string) error {
	_, err := c.move(id, "secret "+secret, "")
	return err
}

func (c *steps) RegisterWebhook(_ context.Context, id string) error {
	_, err := c.move(id, "register", "")
	return err
}

func (c *steps) Disconnect(_ context.Context, id string) (schemas.Source, error) {
	return c.move(id, "disconnect", schemas.SourceDisconnected)
}

func (c *steps) Reconnect(_ context.Context, id string) (schemas.Source, error) {
	return c.move(id, "reconnect", schemas.SourceConnected)
}

func (c *steps) Archive(_ context.Context, id string) (schemas.Source, error) {
	return c.move(id, "archive", schemas.SourceArchived)
}

func (c *steps) Restore(_ context.Context, id string) (schemas.Source, error) {
	return c.move(id, "restore", schemas.SourceDisconnected)
}

func (c *steps) Delete(_ context.Context, id string) error {
	_, err := c.move(id, "delete", "")
	return err
}

func (c *steps) Resync(_ context.Context, id, mode string) error {
	_, err := c.move(id, "resync "+mode, "")
	return err
}

func (c *steps) Widen(_ context.Context, id string) error {
	_, err := c.move(id, "widen", "")
	return err
}

func (c *steps) Reread(_ context.Context, id string, from time.Time) error {
	_, err := c.move(id, "reread "+from.Format(time.DateOnly)+" of", "")
	return err
}

func (c *steps) ApplyRetention(_ context.Context, account string, r schemas.Retention) error {
	_, err := c.move(testSource, fmt.Sprintf("retain %s %d %v of", account, r.Days, r.Activities), "")
	return err
}

// Reflected has what was published come about at once: nothing, unless a test says what.
func (m *memory) Reflected(context.Context, string, ...string) error {
	if m.reflects != nil {
		m.reflects()
	}
	return nil
}

// Publish records events as a stream would.
func (m *memory) Publish(_ context.Context, events ...schemas.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.published = append(m.published, events...)
	return m.fail
}

// testServer is an API over a database of its own.
type testServer struct {
	*server
	t     testing.TB
	store *memory
	steps *steps
	db    driver.Conn
}

// openDatabase gives a migrated, empty database of the test.
func openDatabase(tb testing.TB) driver.Conn {
	tb.Helper()
	db, err := connect(tb.Context(), localtest.TestDatabase(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func connect(ctx context.Context, dsn string) (driver.Conn, error) {
	if err := sinks.Migrate(ctx, dsn); err != nil {
		return nil, err
	}
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	o.MaxOpenConns = 8
	return clickhouse.Open(o)
}

// filled is one database with the fixture for all tests that only read. It ends with the engine of the test binary.
var filled struct {
	sync.Mutex
	db driver.Conn
}

func filledDatabase(tb testing.TB) driver.Conn {
	tb.Helper()
	filled.Lock()
	defer filled.Unlock()
	if filled.db != nil {
		return filled.db
	}
	u, err := url.Parse(localtest.TestEngine(tb).DSN())
	if err != nil {
		tb.Fatal(err)
	}
	u.Path = "/deskstream_filled"
	db, err := connect(context.Background(), u.String())
	if err != nil {
		tb.Fatal(err)
	}
	fill(tb, db)
	filled.db = db
	return db
}

// readOnly gives a server over the filled database.
func readOnly(tb testing.TB) *testServer {
	tb.Helper()
	return newTestServer(tb, filledDatabase(tb), nil)
}

func newTestServer(tb testing.TB, db driver.Conn, change func(*Options)) *testServer {
	tb.Helper()
	store := &memory{
		sources: map[string]schemas.Source{testSource: {Settings: schemas.Settings{
			ID: testSource, Type: "zendesk", Account: testAccount, Name: "Acme", Status: schemas.SourceConnected, Retention: schemas.Retention{Days: 90},
			Fields: schemas.FieldRules{Writable: schemas.WritableFields}, Identifiers: []string{"external-id", "email"},
			CreatedAt: testNow.AddDate(0, -1, 0), UpdatedAt: testNow.AddDate(0, -1, 0),
		}, Revision: 1}},
		cursors: map[string][]schemas.Cursor{}, settings: map[string]schemas.Setting{},
		keys: []schemas.Key{
			keyOf("admin-key", "admin"), keyOf("people-key", "people"), keyOf("reports-key", "reports"), keyOf("render-key", "render"), keyOf("no-key"),
		},
	}
	connections := &steps{store: store}
	registry := prometheus.NewRegistry()
	o := Options{
		DB: db, Sources: store, Keys: store, Settings: store, Connections: connections, Retention: connections, Events: store, Group: processors.Group, Match: processors.Match, Now: func() time.Time { return testNow },
		Erasures:   store,
		Deliveries: store,
		Seal: func(audience, field, secret string) string {
			return "sealed " + audience + field + strings.ToUpper(secret)
		},
		Registerer: registry, Gatherer: registry, Version: "test", QueryTimeout: 30 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	s, err := newServer(o)
	if err != nil {
		tb.Fatal(err)
	}
	return &testServer{server: s, t: tb, store: store, steps: connections, db: db}
}

// version orders all rows of the test binary.
var version atomic.Uint64

// newest is the last position in each table.
var newest sync.Map

// insertInto writes rows of one of the schemas' types; later calls win over earlier ones.
func insertInto[T any](tb testing.TB, db driver.Conn, table string, rows ...T) {
	tb.Helper()
	t := reflect.TypeFor[T]()
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("ch"))
	}
	batch, err := db.PrepareBatch(tb.Context(), "INSERT INTO "+table+" ("+strings.Join(append(slices.Clone(names), "_seq", "_ver"), ", ")+")")
	if err != nil {
		tb.Fatal(err)
	}
	log, kept := outputLogs.Load(db)
	generation, _ := generations.LoadOrStore(db, uint64(0))
	for _, row := range rows {
		n := version.Add(1)
		ver := schemas.RowVersion(generation.(uint64), n)
		if kept {
			log.(*outputLog).add(tb, table, n, ver, row)
		}
		v := reflect.ValueOf(row)
		values := make([]any, 0, len(names)+2)
		for i := range names {
			f := v.Field(i).Interface()
			if at, ok := f.(time.Time); ok && at.IsZero() {
				f = time.Unix(0, 0)
			}
			values = append(values, f)
		}
		if err := batch.Append(append(values, n, ver)...); err != nil {
			tb.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		tb.Fatal(err)
	}
	newest.Store(table, version.Load())
}

// response is what a call gave.
type response struct {
	*http.Response
	body []byte
}

func (s *testServer) call(method, path, key string, body any) response {
	s.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, reader)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return response{w.Result(), w.Body.Bytes()}
}

// get asks as admin, wants 200 and reads the answer.
func (s *testServer) get(path string, into any) {
	s.t.Helper()
	s.want(http.StatusOK, s.call(http.MethodGet, path, "admin-key", nil), into)
}

// wantPages reads a list in pages and wants the items, and their order, that it has on one page, or on as few as it can.
func (s *testServer) wantPages(path string, items int) {
	s.t.Helper()
	whole := s.inPages(path, 500)
	if len(whole) != items {
		s.t.Fatalf("%s: %d items, want %d", path, len(whole), items)
	}
	if read := s.inPages(path, max(2, items/20)); !reflect.DeepEqual(read, whole) {
		s.t.Errorf("%s in pages: %v, want %v", path, read, whole)
	}
	s.wantProblem(s.call("GET", path+"?cursor=x", "admin-key", nil), 422, "invalid-input", "query.cursor")
}

// inPages reads a list to its end.
func (s *testServer) inPages(path string, limit int) (read []map[string]any) {
	s.t.Helper()
	for cursor := ""; ; {
		var p page[map[string]any]
		s.get(fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, cursor), &p)
		if read = append(read, p.Items...); p.NextCursor == nil {
			return read
		}
		cursor = *p.NextCursor
	}
}

func (s *testServer) want(status int, r response, into any) {
	s.t.Helper()
	if r.StatusCode != status {
		s.t.Fatalf("status %d, want %d: %s", r.StatusCode, status, r.body)
	}
	if into != nil {
		if err := json.Unmarshal(r.body, into); err != nil {
			s.t.Fatalf("%v: %s", err, r.body)
		}
	}
}

// wantProblem checks a refusal: status, code, and that each part of the text is there.
func (s *testServer) wantProblem(r response, status int, code string, parts ...string) {
	s.t.Helper()
	var p Problem
	if err := json.Unmarshal(r.body, &p); err != nil {
		s.t.Fatalf("%v: %s", err, r.body)
	}
	if r.StatusCode != status || p.Status != status || p.Type != schemas.ProblemPrefix+code || r.Header.Get("Content-Type") != problemType || p.Title == "" || p.Detail == "" {
		s.t.Fatalf("status %d, want %d %s: %s %s", r.StatusCode, status, code, r.Header.Get("Content-Type"), r.body)
	}
	for _, part := range parts {
		if !strings.Contains(string(r.body), part) {
			s.t.Errorf("%q is missing in %s", part, r.body)
		}
	}
}

// answerOf asks a report with parameters written as a query.
func (s *testServer) answerOf(metric, query string) reportAnswer {
	s.t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		s.t.Fatal(err)
	}
	var a reportAnswer
	s.get("/v1/reports/"+metric+"?"+values.Encode(), &a)
	return a
}

// show writes rows as "at key,key: a=1 b=null", only the named values.
func show(a reportAnswer, values ...string) []string {
	var out []string
	for _, r := range a.Rows {
		out = append(out, strings.TrimSpace(r.At+" "+strings.Join(r.Key, ","))+":"+figures(r.Values, values))
	}
	return out
}

func figures(values map[string]*float64, names []string) string {
	text := ""
	for _, n := range names {
		if v := values[n]; v != nil {
			text += " " + n + "=" + strconv.FormatFloat(*v, 'f', -1, 64)
		} else {
			text += " " + n + "=null"
		}
	}
	return text
}

func wantRows(tb testing.TB, got []string, want ...string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
