package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"deskstream/schemas"
)

type batchLineAnswer struct {
	Index  int               `json:"index"`
	Person *string           `json:"person"`
	ID     *string           `json:"id"`
	Parts  map[string]string `json:"parts"`
	Error  *struct {
		Type   string           `json:"type"`
		Status int              `json:"status"`
		Errors []map[string]any `json:"errors"`
	} `json:"error"`
	Aborted *string `json:"aborted"`
}

func (s *testServer) batch(lines ...string) []batchLineAnswer {
	s.t.Helper()
	r := s.call("POST", batchPath, "render-key", strings.Join(lines, "\n"))
	s.want(200, r, nil)
	if kind := r.Header.Get("Content-Type"); kind != ndjsonType {
		s.t.Errorf("content type %s", kind)
	}
	var out []batchLineAnswer
	for line := range bytes.Lines(r.body) {
		var a batchLineAnswer
		if err := json.Unmarshal(line, &a); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		out = append(out, a)
	}
	return out
}

func TestBatch(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	got := s.batch(
		`{"parts":{"text":"{{ person.first_name }} {{ organization.name }} {{ request.n | divided_by: request.by }} {{ campaign.name }}{% if person.email == blank %}{% abort 'no email' %}{% endif %}"},`+
			`"campaign":{"name":"Spring"},"defaults":{"request.by":1}}`,
		`{"person":"email:JO@x.test","request":{"n":6}}`,
		``,
		`{"person":"p_nobody"}`,
		`{"person":"zendesk:2004","request":{"n":7,"by":0}}`,
		`{"data":{"person":{"first_name":"Inline","email":"i@x.test"}},"request":{"n":9,"by":3}}`,
		`{"person":"p_2003","request":{"n":1}}`,
		`not JSON`,
		`{"person":"p_2001","activity_id":"a_01"}`,
		`{"persn":"p_2001"}`,
		`{"person":"p_2001","data":{}}`,
		`{"person":"`+strings.Repeat("x", batchLine)+`"}`,
		`{"person":"p_2002","request":{"n":2}}`,
	)
	want := []struct {
		text, id string
		status   int
		code     string
	}{
		{text: "Jo Org One 6 Spring", id: "p_2001"},
		{status: 404, code: "no-such-person"},
		{status: 422, code: "template-type", id: "p_2001"},
		{text: "Inline  3 Spring"},
		{id: "p_2003"}, // aborted
		{status: 422, code: "invalid-input"},
		{status: 404, code: "no-such-activity", id: "p_2001"},
		{status: 422, code: "invalid-input"},
		{status: 422, code: "invalid-input"},
		{status: 413, code: "too-large"},
		{text: "Émile  2 Spring", id: "p_2002"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		id := ""
		if g.ID != nil {
			id = *g.ID
		}
		if g.Index != i || g.Parts["text"] != w.text || id != w.id {
			t.Errorf("%d: %+v, want %+v", i, g, w)
		}
		if (w.status != 0) != (g.Error != nil) || g.Error != nil && (g.Error.Status != w.status || g.Error.Type != schemas.ProblemPrefix+w.code) {
			t.Errorf("%d: %+v, want %+v", i, g.Error, w)
		}
	}
	if *got[0].Person != "email:JO@x.test" || got[3].Person != nil || got[4].Aborted == nil || *got[4].Aborted != "no email" {
		t.Errorf("%+v", got)
	}
	if e := got[2].Error; len(e.Errors) != 1 || e.Errors[0]["line"] != 1.0 {
		t.Errorf("%+v", e)
	}
	if e := got[7].Error.Errors[0]; e["location"] != "body[8].persn" || !strings.Contains(fmt.Sprint(e["message"]), "person, data") {
		t.Errorf("%+v", e)
	}
}

func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for body, parts := range map[string][]string{
		"":                                {"body[0]", "message"},
		"\n\n":                            {"body[0]", "message"},
		"x":                               {"body[0]", "JSON object"},
		`{}`:                              {"body[0]", "parts"},
		`[]`:                              {"body[0]"},
		`{"parts":{}}`:                    {"body[0].parts"},
		`{"parts":{"text":5}}`:            {"body[0].parts.text"},
		"{\"parts\":{\"text\":\"\xff\"}}": {"body[0]", "UTF-8"},
		`{"parts":{"text":"x"},"person":"p_2001"}`:             {"body[0].person", "accepted: parts"},
		`{"parts":{"text":"x"},"missing":"x"}`:                 {"body[0].missing", "blank"},
		`{"parts":{"text":"x"},"time_zone":"Mars/Base"}`:       {"body[0].time_zone", "Europe/Berlin"},
		`{"parts":{"text":"x"},"defaults":[1]}`:                {"body[0].defaults", "object"},
		`{"parts":{"text":"x"},"window_days":0}` + "\n" + `{}`: {"body[0].window_days"},
	} {
		s.wantProblem(s.call("POST", batchPath, "render-key", body), 422, "invalid-input", parts...)
	}
	var p templateProblem
	s.want(422, s.call("POST", batchPath, "render-key", `{"parts":{"text":"a\n{{ x | nope }}"}}`+"\n"+`{"person":"p_2001"}`), &p)
	if len(p.Errors) != 1 || p.Errors[0].Line != 2 || p.Errors[0].Part != "text" {
		t.Errorf("%+v", p)
	}
	s.wantProblem(s.call("POST", batchPath, "reports-key", "x"), 403, "scope-missing")
	s.wantProblem(s.call("POST", batchPath, "", "x"), 401, "unauthenticated")
	s.wantProblem(s.call("POST", batchPath, "render-key", `{"parts":{"text":"`+strings.Repeat("x", maxTemplate)+`"}}`), 413, "too-large")
	broken := httptest.NewRequestWithContext(t.Context(), http.MethodPost, batchPath, brokenBody{strings.NewReader(`{"parts":{"te`)})
	broken.Header.Set("Authorization", "Bearer render-key")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, broken)
	s.wantProblem(response{w.Result(), w.Body.Bytes()}, 422, "invalid-input", "body[0]", "to its end")
	if got := s.batch(`{"parts":{"text":"x"}}`); len(got) != 0 {
		t.Errorf("nobody: %+v", got)
	}
}

// TestBatchWithoutDatabase checks that people get an error each when their data cannot be fetched, and others are rendered.
func TestBatchWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	s.batch(`{"parts":{"text":"x"}}`) // the key is known from now on
	s.store.fail = schemas.ErrUnavailable
	got := s.batch(`{"parts":{"text":"Hi {{ person.first_name }}"}}`, `{"person":"p_2001"}`, `{"data":{"person":{"first_name":"Jo"}}}`)
	if len(got) != 2 || got[0].Error == nil || got[0].Error.Status != 503 || got[1].Parts["text"] != "Hi Jo" {
		t.Errorf("%+v", got)
	}
}

// manyPeople fills an account with people, two tickets' activities each.
func manyPeople(tb testing.TB, s *testServer, n int) {
	tb.Helper()
	people := make([]schemas.PersonRow, n)
	var activities []schemas.Activity
	for i := range people {
		id := fmt.Sprintf("p_%05d", i)
		people[i] = schemas.PersonRow{
			Account: testAccount, PersonID: id, SourceIDs: []string{testSource}, FirstName: fmt.Sprint("Jo", i), OrganizationID: int64(i%7 + 1), OrganizationIDs: []int64{int64(i%7 + 1)}, UserIDs: []int64{int64(i + 1)},
			OwnIDs: []string{id}, Zendesk: "{}", Custom: "{}", CreatedAt: at("01 00:00"), UpdatedAt: at("01 00:00"),
		}
		for k := range 2 {
			activities = append(activities, schemas.Activity{
				Account: testAccount, Activity: "ticket-created", OccurredAt: at(fmt.Sprintf("1%d 00:00", k)), ActivityID: fmt.Sprintf("a_%d_%d", i, k), PersonID: id,
				UserID: int64(i + 1), TicketID: int64(2*i + k), Subject: fmt.Sprintf("Subject %d.%d", i, k), Tags: []string{}, Attributes: "{}", ExpiresAt: at("01 00:00").AddDate(9, 0, 0),
			})
		}
	}
	insertInto(tb, s.db, schemas.TablePeople, people...)
	insertInto(tb, s.db, schemas.TableActivities, activities...)
	for i := range 7 {
		insertInto(tb, s.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: int64(i + 1), Name: fmt.Sprint("Org ", i+1), Zendesk: "{}"})
	}
}

// queriesOf counts the queries of a server since it was made.
func (s *testServer) queriesOf() (n uint64) {
	s.t.Helper()
	families, err := s.Gatherer.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "deskstream_report_query_seconds" {
			for _, m := range f.GetMetric() {
				n += m.GetHistogram().GetSampleCount()
			}
		}
	}
	return n
}

// TestBatchOfTenThousand renders for 10,000 people over a real connection, and counts queries and memory.
func TestBatchOfTenThousand(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	const people = 10_000
	manyPeople(t, s, people)
	web := httptest.NewServer(s.handler)
	defer web.Close()

	in, out := io.Pipe()
	go func() {
		w := bufio.NewWriter(out)
		fmt.Fprintln(w, `{"parts":{"text":"{{ person.first_name }} {{ organization.name }} {{ activity.zendesk.ticket-created.subject }}{% for a in activities %};{{ a.subject }}{% endfor %}"}}`)
		for i := range people {
			fmt.Fprintf(w, `{"person":"p_%05d"}`+"\n", i)
		}
		_ = out.CloseWithError(w.Flush())
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+batchPath, in)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer render-key")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	n := 0
	for ; lines.Scan(); n++ {
		var a batchLineAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("Jo%d Org %d Subject %d.1;Subject %d.1;Subject %d.0", n, n%7+1, n, n, n); a.Index != n || a.Parts["text"] != want {
			t.Fatalf("line %d: %s, want %q", n, lines.Bytes(), want)
		}
	}
	if n != people || lines.Err() != nil {
		t.Errorf("%d lines (%v)", n, lines.Err())
	}
	if got := s.queriesOf(); got > people/20 {
		t.Errorf("%d queries", got)
	}
}

// TestBatchAnswersWhileItReads checks over a real connection that each answer comes before the next line is sent.
func TestBatchAnswersWhileItReads(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	web := httptest.NewServer(s.handler)
	defer web.Close()
	in, out := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+batchPath, in)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer render-key")
	more := make(chan struct{})
	go func() {
		fmt.Fprintln(out, `{"parts":{"text":"{{ request.n }}"}}`)
		for n := range 3 {
			fmt.Fprintf(out, `{"request":{"n":%d}}`+"\n", n)
			<-more
		}
		_ = out.Close()
	}()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answers := bufio.NewReader(res.Body)
	for n := range 3 {
		line, err := answers.ReadString('\n')
		if err != nil || !strings.Contains(line, fmt.Sprintf(`"text":"%d"`, n)) {
			t.Fatalf("%s (%v)", line, err)
		}
		more <- struct{}{}
	}
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("the answer ends with %v", err)
	}
}

// slowTaker is a client that takes an answer when it is told to.
type slowTaker struct {
	*httptest.ResponseRecorder
	offered chan struct{}
	take    chan struct{}
}

func (w *slowTaker) Write(b []byte) (int, error) {
	w.offered <- struct{}{}
	<-w.take
	return w.ResponseRecorder.Write(b)
}

// countedLines counts what is read of a body.
type countedLines struct {
	io.Reader
	read atomic.Int64
}

func (c *countedLines) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read.Add(int64(bytes.Count(b[:n], []byte("\n"))))
	return n, err
}

// TestBatchWaitsForItsReader checks that no more lines are read than are needed while answers are not taken.
func TestBatchWaitsForItsReader(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	const people = 20_000
	body := &countedLines{Reader: strings.NewReader(`{"parts":{"text":"x"}}` + "\n" + strings.Repeat(`{"data":{"n":1}}`+"\n", people))}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, batchPath, body)
	r.Header.Set("Authorization", "Bearer render-key")
	w := &slowTaker{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		s.handler.ServeHTTP(w, r)
		close(done)
	}()
	for taken := int64(0); ; taken++ {
		select {
		case <-w.offered:
			const buffered = 64<<10/17 + 1
			if read := body.read.Load(); read > taken+batchChunk+2*buffered {
				t.Fatalf("%d lines are read, %d answers taken", read, taken)
			}
			w.take <- struct{}{}
		case <-done:
			if taken != people {
				t.Errorf("%d answers", taken)
			}
			return
		}
	}
}

// brokenBody gives some lines and then fails, as a connection does.
type brokenBody struct{ io.Reader }

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestBatchThatBreaksIsCut checks that an answer to lines that did not all arrive does not look complete.
func TestBatchThatBreaksIsCut(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, batchPath, brokenBody{strings.NewReader(`{"parts":{"text":"x"}}` + "\n" + `{"data":{}}` + "\n{")})
	r.Header.Set("Authorization", "Bearer render-key")
	w := httptest.NewRecorder()
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // it is this very value
			t.Errorf("ended with %v", v)
		}
		if !strings.Contains(w.Body.String(), `"index":0`) || strings.Contains(w.Body.String(), `"index":1`) {
			t.Errorf("answered %s", w.Body)
		}
	}()
	s.handler.ServeHTTP(w, r)
}
