package processors

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// shared gives a folder of the reference data; the test is skipped where it is not there.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("DESKSTREAM_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(root, path)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the reference data folder %s is not there; set DESKSTREAM_SHARED", path)
	}
	return dir
}

const testAccount, testSource = "example", "src1"

// store is what the stream keeps for a processor: state rows and, as the tables would show them, the newest row of every key.
type store struct {
	p          *Processor
	state      map[string][]byte
	cache      map[string]*schemas.StateRow // decoded rows between batches, nil to decode every time
	tables     map[string]map[string]map[string]any
	withdrawn  map[string]map[string]any // the rows that withdrew others, by their keys
	sent       map[string]int            // message ids of activities
	dead       []schemas.DeadLetter
	duplicates int
	ignored    int
	writes     int
	outputs    int
	newest     string
	quiet      bool // outputs are not looked at
}

func newStore() *store {
	return &store{p: New(), state: map[string][]byte{}, tables: map[string]map[string]map[string]any{}, withdrawn: map[string]map[string]any{}, sent: map[string]int{}}
}

// load answers Keys until it asks for nothing more. A row that is not in the cache is told by its sum first, if it has one.
func (s *store) load(events []schemas.Event) schemas.State {
	state := schemas.State{}
	for {
		keys := s.p.Keys(events, state)
		if len(keys) == 0 {
			return state
		}
		for _, k := range keys {
			if s.cache != nil && s.cache[k] != nil {
				state[k] = s.cache[k]
				continue
			}
			_, asked := state[k]
			row := &schemas.StateRow{Data: s.state[k]}
			if sum := s.p.Sum(k, row); sum != 0 && !asked {
				row = &schemas.StateRow{Sum: sum}
			}
			state[k] = row
		}
	}
}

// lose runs a batch whose commit is lost: nothing of it remains.
func (s *store) lose(t tb, events []schemas.Event) {
	t.Helper()
	if _, err := s.p.Apply(events, s.load(events)); err != nil {
		t.Fatal(err)
	}
	s.cache = nil
}

// run applies and commits a batch. Every second event has been decoded ahead.
func (s *store) run(t tb, events []schemas.Event) {
	t.Helper()
	for i := 0; i < len(events); i += 2 {
		s.p.Decode(&events[i])
	}
	state := s.load(events)
	res, err := s.p.Apply(events, state)
	if err != nil {
		t.Fatal(err)
	}
	if s.cache != nil {
		for k, row := range state {
			s.cache[k] = row
		}
	}
	for k, row := range res.State {
		s.writes++
		if s.cache != nil {
			s.cache[k] = row
		}
		if row.Data == nil {
			delete(s.state, k)
			continue
		}
		writtenAnew(t, k, row)
		s.state[k] = row.Data
	}
	s.dead = append(s.dead, res.Dead...)
	s.duplicates += res.Duplicates
	s.ignored += res.Ignored
	if s.quiet {
		s.outputs += len(res.Outputs)
		return
	}
	seen := map[string]bool{}
	for _, o := range res.Outputs {
		s.outputs++
		s.newest = o.Table + " " + string(o.Data)
		key := s.put(t, o)
		if seen[key] {
			t.Fatalf("two rows of one key in a batch: %s", key)
		}
		seen[key] = true
	}
}

// tableKeys are the sorting keys of the tables: rows with the same one replace each other.
var tableKeys = map[string][]string{
	schemas.TableActivities: {"activity", "occurred_at", "ticket_id", "activity_id"}, schemas.TableTickets: {"created_at", "ticket_id"},
	schemas.TableTicketEvents: {"kind", "at", "ticket_id", "event_id"}, schemas.TableMessages: {"at", "ticket_id", "message_id"},
	schemas.TablePeople: {"person_id"}, schemas.TablePersonAliases: {"alias"},
	schemas.TablePersonIdentities: {"kind", "value", "user_id"}, schemas.TablePersonMerges: {"merge_id"},
	schemas.TableAudienceMembers: {"audience_id", "person_id"}, schemas.TableAudienceEntries: {"audience_id", "at", "entry_id"}, schemas.TablePhraseHits: {"at", "ticket_id", "message_id"},
	schemas.TableOpeningHours: {"in_force_from", "year"}, schemas.TablePersonStats: {"user_id"},
	schemas.TablePersonActivities: {"user_id", "activity"}, schemas.TableOrganizations: {"organization_id"}, schemas.TableAgents: {"user_id"},
	schemas.TableRatings: {"rating_id"}, schemas.TableMetricEvents: {"ticket_id", "metric", "instance_id", "event_id"},
	schemas.TableNames: {"kind", "id"}, schemas.TableActivityCounts: {"activity", "at", "source_id"},
}

// writtenAnew expects that a ticket's row, of which parts are copied from the row before, is what the ticket is when all of it is written.
func writtenAnew(t tb, key string, row *schemas.StateRow) {
	t.Helper()
	known, ok := row.Value.(*ticket)
	if !ok {
		return
	}
	anew := *known
	anew.written = written{}
	w := writer{b: []byte{stateVersion}}
	anew.encode(&w)
	if !bytes.Equal(w.b, row.Data) {
		t.Fatalf("%s: the row is not what the ticket is", key)
	}
}

func (s *store) put(t tb, o schemas.Output) string {
	t.Helper()
	var row map[string]any
	if err := json.Unmarshal(o.Data, &row); err != nil {
		t.Fatalf("%s: %v: %s", o.Table, err, o.Data)
	}
	if o.Table == schemas.TableActivities {
		if o.Subject != schemas.SubjectActivity(testAccount, row["activity"].(string)) {
			t.Fatalf("activity on subject %s", o.Subject)
		}
		if s.sent[o.ID]++; s.sent[o.ID] > 1 {
			t.Fatalf("message id %s went out twice", o.ID)
		}
	}
	parts := []string{o.Table, row["account"].(string)}
	for _, k := range tableKeys[o.Table] {
		v, ok := row[k]
		if !ok {
			t.Fatalf("%s: no %s in %s", o.Table, k, o.Data)
		}
		parts = append(parts, fmt.Sprint(v))
	}
	key := strings.Join(parts, "|")
	if s.tables[o.Table] == nil {
		s.tables[o.Table] = map[string]map[string]any{}
	}
	if row["is_deleted"] == float64(1) {
		delete(s.tables[o.Table], key)
		s.withdrawn[key] = row
	} else {
		s.tables[o.Table][key] = row
		delete(s.withdrawn, key)
	}
	return key
}

// dump gives the contents of all tables as text, without how an activity was first learned.
func (s *store) dump() []string {
	var out []string
	for _, rows := range s.tables {
		for key, row := range rows {
			if row["ended_at"] != nil {
				continue // which merges were thought to hold for a while depends on the order
			}
			if row["count"] == float64(0) || row["tickets_total"] == float64(0) {
				continue // a figure that went back to nothing is as good as none
			}
			c := map[string]any{}
			for k, v := range row {
				if k != "via" {
					c[k] = v
				}
			}
			b, err := json.Marshal(c)
			if err != nil {
				panic(err)
			}
			out = append(out, key+" "+string(b))
		}
	}
	sort.Strings(out)
	return out
}

// feed makes events.
type feed struct {
	n   int
	out []schemas.Event
}

func (f *feed) add(kind schemas.Kind, via string, at time.Time, data []byte) {
	f.n++
	f.out = append(f.out, schemas.Event{
		ID: fmt.Sprintf("%s:%x", kind, hashOf(data)), Kind: kind, Source: testSource, Account: testAccount, Via: via, ReceivedAt: at, Data: data, Seq: uint64(f.n),
	})
}

func (f *feed) connect(at time.Time, change ...func(*schemas.Settings)) {
	set := schemas.Settings{
		ID: testSource, Type: "zendesk", Account: testAccount, Status: schemas.SourceConnected, Retention: schemas.Retention{Days: 4000},
		Fields: schemas.FieldRules{Writable: schemas.WritableFields}, Identifiers: []string{"external-id", "email"}, UpdatedAt: at,
	}
	for _, c := range change {
		c(&set)
	}
	b, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	f.add(schemas.KindSource, "api", at, b)
}

// page adds the objects of an API answer as events.
func (f *feed) page(t testing.TB, path string, at time.Time, body []byte) {
	t.Helper()
	for _, p := range []struct {
		part, key string
		kind      schemas.Kind
	}{
		{"users", "users", schemas.KindUser},
		{"organizations", "organizations", schemas.KindOrganization},
		{"groups", "groups", schemas.KindGroup},
		{"brands", "brands", schemas.KindBrand},
		{"audits.json", "audits", schemas.KindAudit},
		{"tickets/cursor", "tickets", schemas.KindTicket},
		{"satisfaction_ratings", "satisfaction_ratings", schemas.KindRating},
		{"ticket_metric_events", "ticket_metric_events", schemas.KindMetricEvent},
		{"schedules", "schedules", schemas.KindSchedule},
	} {
		if !strings.Contains(path, p.part) {
			continue
		}
		var answer map[string]json.RawMessage
		var list []json.RawMessage
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := json.Unmarshal(answer[p.key], &list); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, raw := range list {
			f.add(p.kind, "poll", at, raw)
		}
		return
	}
	t.Fatalf("no kind for %s", path)
}

// schedules adds the business hours with their holidays inside, as the poller puts them together.
func (f *feed) schedules(t testing.TB, dir string, at time.Time) {
	t.Helper()
	var schedules struct{ Schedules []map[string]any }
	if err := json.Unmarshal(readFile(t, filepath.Join(dir, "business_hours", "schedules.json")), &schedules); err != nil {
		t.Fatal(err)
	}
	for _, s := range schedules.Schedules {
		var h map[string]any
		if err := json.Unmarshal(readFile(t, filepath.Join(dir, "business_hours", "holidays", fmt.Sprintf("%.0f.json", s["id"]))), &h); err != nil {
			t.Fatal(err)
		}
		s["holidays"] = h["holidays"]
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		f.add(schemas.KindSchedule, "poll", at, b)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// api adds the final state of the sample account in the order of a back-fill.
func (f *feed) api(t testing.TB, dir string, at time.Time) {
	t.Helper()
	f.schedules(t, dir, at)
	for _, pattern := range []string{
		"incremental/users/*.json", "organizations.json", "groups.json", "brands.json", "incremental/tickets/*.json", "tickets/*/audits.json",
		"satisfaction_ratings.json", "incremental/ticket_metric_events.json",
	} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, file := range files {
			rel, _ := filepath.Rel(dir, file)
			f.page(t, strings.ReplaceAll(rel, "cursor-", "cursor"), at, readFile(t, file))
		}
	}
}

// deliveries adds what arrived live: webhooks and polls in the order of delivery.
func (f *feed) deliveries(t testing.TB, file string) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var d struct {
			At           time.Time
			Source, Path string
			Body         json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if d.Source == "webhook" {
			f.add(schemas.KindWebhook, "webhook", d.At, d.Body)
			continue
		}
		f.page(t, d.Path, d.At, d.Body)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func (s *store) batches(t tb, events []schemas.Event, size int) {
	t.Helper()
	for i := 0; i < len(events); i += size {
		s.run(t, events[i:min(i+size, len(events))])
	}
}

type expectations struct {
	Meta struct {
		AsOf time.Time `json:"as_of"`
	}
	Totals    map[string]float64
	PerTicket map[string]map[string]any `json:"per_ticket"`
}

func readExpectations(t testing.TB, dir string) expectations {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e expectations
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

var backfillAt = time.Date(2024, 4, 18, 0, 5, 0, 0, time.UTC)

func TestSampleBackfill(t *testing.T) {
	t.Parallel()
	dir := shared(t, "metrics/sample")
	s := newStore()
	var f feed
	f.connect(backfillAt)
	f.api(t, filepath.Join(dir, "api"), backfillAt)
	s.batches(t, f.out, 400)
	check(t, s, readExpectations(t, dir))
}

// check compares the rows with the expected figures, exactly.
func check(t *testing.T, s *store, want expectations) {
	t.Helper()
	if len(s.dead) > 0 {
		t.Errorf("%d dead letters, first: %s", len(s.dead), s.dead[0].Reason)
	}
	tickets := map[string]map[string]any{}
	for _, row := range s.tables[schemas.TableTickets] {
		if row["deleted"] == float64(0) {
			tickets[strconv.Itoa(int(row["ticket_id"].(float64)))] = row
		}
	}
	if len(tickets) != len(want.PerTicket) {
		t.Errorf("%d tickets, want %d", len(tickets), len(want.PerTicket))
	}
	live := s.live(want.Meta.AsOf)
	for id, w := range want.PerTicket {
		got := perTicket(t, tickets[id], live[id])
		if s.unanswered(id) {
			got["next_reply_s"] = append(append([]any{}, got["next_reply_s"].([]any)...), nil)
		}
		a, b := mustJSON(t, got), mustJSON(t, w)
		if a != b {
			for k := range w {
				if x, y := mustJSON(t, got[k]), mustJSON(t, w[k]); x != y {
					t.Errorf("ticket %s: %s = %s, want %s", id, k, x, y)
				}
			}
		}
	}
	checkTotals(t, tickets, s, want)
}

// unanswered says whether the ticket's customer waits for a next reply.
func (s *store) unanswered(id string) bool {
	for _, row := range s.tables[schemas.TableTicketEvents] {
		if row["kind"] == schemas.EventNext && row["seconds"] == nil && strconv.Itoa(int(row["ticket_id"].(float64))) == id {
			return true
		}
	}
	return false
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var sorted any
	if err := json.Unmarshal(b, &sorted); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(sorted); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// perTicket brings a ticket row into the form of the expectations.
func perTicket(t testing.TB, row map[string]any, live map[string]int64) map[string]any {
	t.Helper()
	if row == nil {
		return map[string]any{}
	}
	n := func(k string) int64 { return int64(row[k].(float64)) }
	none := func(v int64) any {
		if v == 0 {
			return nil
		}
		return v
	}
	wait := func(v int64) any {
		if n("status_changes") == 0 {
			return nil
		}
		return v
	}
	got := map[string]any{
		"agent_wait_s": wait(n("pending_s")), "agent_work_s": wait(n("new_s") + n("open_s")), "on_hold_s": n("hold_s"),
		"requester_wait_s": wait(n("new_s") + n("open_s") + n("hold_s")), "assignee_id": none(n("assignee_id")),
		"created_at": mustTime(t, row["created_at"].(string)).Unix(), "merged": row["merged"] == float64(1), "status": row["status"],
		"csat": nil, "csat_agent_id": nil, "csat_at": nil, "touch": nil,
		"live": map[string]int64{
			"agent_wait_s": live["pending"], "agent_work_s": live["new"] + live["open"], "on_hold_s": live["hold"],
			"requester_wait_s": live["new"] + live["open"] + live["hold"],
		},
	}
	for _, k := range []string{
		"assignee_stations", "first_assigned_s", "first_reply_business_s", "first_reply_s", "first_resolution_s", "full_resolution_business_s",
		"full_resolution_s", "group_stations", "next_reply_s", "public_agent_comments", "reassignments", "reopens", "replies", "solves", "unique_assignees",
	} {
		got[k] = row[k]
	}
	if row["csat"] != "" {
		got["csat"], got["csat_agent_id"], got["csat_at"] = row["csat"], none(n("csat_agent_id")), mustTime(t, row["csat_at"].(string)).Unix()
	}
	if done(row["status"].(string)) {
		switch r := n("replies"); {
		case r < 2:
			got["touch"] = "one"
		case r == 2:
			got["touch"] = "two"
		default:
			got["touch"] = "multi"
		}
	}
	return got
}

// live sums the seconds of each ticket in each status from the spells, running ones up to asOf.
func (s *store) live(asOf time.Time) map[string]map[string]int64 {
	out := map[string]map[string]int64{}
	for _, row := range s.tables[schemas.TableTicketEvents] {
		if row["kind"] != schemas.EventState {
			continue
		}
		id := strconv.Itoa(int(row["ticket_id"].(float64)))
		at, _ := time.Parse(time.RFC3339, row["at"].(string))
		until, _ := time.Parse(time.RFC3339, row["until"].(string))
		if until.After(asOf) {
			until = asOf
		}
		if out[id] == nil {
			out[id] = map[string]int64{}
		}
		out[id][row["status"].(string)] += until.Unix() - at.Unix()
	}
	return out
}

func checkTotals(t *testing.T, tickets map[string]map[string]any, s *store, want expectations) {
	t.Helper()
	got := map[string]float64{}
	means := map[string][]float64{}
	requesters := map[float64]bool{}
	for _, row := range tickets {
		got["tickets"]++
		status := row["status"].(string)
		for k, col := range map[string]string{"solve_events": "solves", "reopens": "reopens", "agent_wait_total_s": "pending_s", "on_hold_total_s": "hold_s"} {
			got[k] += row[col].(float64)
		}
		got["requester_wait_total_s"] += row["new_s"].(float64) + row["open_s"].(float64) + row["hold_s"].(float64)
		for k, v := range map[string]bool{
			"closed": row["closed_at"] != nil, "merged": row["merged"] == float64(1), "reassigned_tickets": row["reassignments"].(float64) > 0,
			"reopened_tickets": row["reopens"].(float64) > 0, "solved_or_closed": done(status), "unsolved": unsolved(status),
			"unassigned_unsolved": unsolved(status) && row["assignee_id"] == float64(0), "unreplied": row["replies"] == float64(0),
			"csat_good": row["csat"] == "good", "csat_bad": row["csat"] == "bad", "csat_surveyed": row["csat"] != "",
			"one_touch": done(status) && row["replies"].(float64) < 2, "two_touch": done(status) && row["replies"] == float64(2),
			"multi_touch": done(status) && row["replies"].(float64) > 2, "one_touch_strict": done(status) && row["public_agent_comments"] == float64(1),
			"one_touch_excluding_merged": done(status) && row["replies"].(float64) < 2 && row["merged"] == float64(0),
		} {
			if v {
				got[k]++
			}
		}
		requesters[row["requester_id"].(float64)] = true
		for k, col := range map[string]string{
			"first_reply_mean_s": "first_reply_s", "first_reply_business_mean_s": "first_reply_business_s",
			"first_resolution_mean_s": "first_resolution_s", "full_resolution_mean_s": "full_resolution_s",
		} {
			if v, ok := row[col].(float64); ok {
				means[k] = append(means[k], v)
			}
		}
		for _, v := range row["next_reply_s"].([]any) {
			means["next_reply_mean_s"] = append(means["next_reply_mean_s"], v.(float64))
		}
	}
	got["requesters"], got["next_reply_count"] = float64(len(requesters)), float64(len(means["next_reply_mean_s"]))
	got["tickets_deleted"] = float64(len(s.tables[schemas.TableTickets]) - len(tickets))
	for k, list := range means {
		sum := 0.0
		for _, v := range list {
			sum += v
		}
		got[k] = sum / float64(len(list))
	}
	for k, w := range want.Totals {
		g, ok := got[k]
		if !ok {
			continue // medians and percentages follow from the same rows
		}
		if g < w-0.001 || g > w+0.001 {
			t.Errorf("totals: %s = %v, want %v", k, g, w)
		}
	}
}

// TestSampleLive takes the account as it happened: webhooks lost, late and repeated, polls that overlap; then one poll of the final state.
func TestSampleLive(t *testing.T) {
	t.Parallel()
	dir := shared(t, "metrics/sample")
	want := readExpectations(t, dir)
	back := backfilled(t, dir)
	for name, events := range liveRuns(t, dir) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			s.cache = map[string]*schemas.StateRow{}
			s.batches(t, events, 37)
			check(t, s, want)
			compareActivities(t, back, s)
		})
	}
}

func backfilled(t testing.TB, dir string) *store {
	t.Helper()
	s := newStore()
	var f feed
	f.connect(backfillAt)
	f.api(t, filepath.Join(dir, "api"), backfillAt)
	s.batches(t, f.out, 400)
	return s
}

// liveRuns gives the deliveries followed by the final state, and the same with prefixes delivered again.
func liveRuns(t testing.TB, dir string) map[string][]schemas.Event {
	t.Helper()
	make := func(repeats ...int) []schemas.Event {
		var f, d feed
		d.deliveries(t, filepath.Join(dir, "deliveries.jsonl"))
		first := d.out[0].ReceivedAt
		f.connect(first.Add(-time.Hour))
		f.schedules(t, filepath.Join(dir, "api"), first)
		all := append([]schemas.Event{}, f.out...)
		last := 0
		for _, n := range repeats {
			all = append(append(all, d.out[last:n]...), d.out[:n]...)
			last = n
		}
		all = append(all, d.out[last:]...)
		var end feed
		end.api(t, filepath.Join(dir, "api"), backfillAt)
		all = append(all, end.out...)
		for i := range all {
			all[i].Seq = uint64(i + 1)
		}
		return all
	}
	return map[string][]schemas.Event{"once": make(), "again from the start": make(700, 2500), "twice near the end": make(3000, 3001)}
}

// compareActivities expects the same activities by both ways. The differences are what the API does not keep: earlier scores of a rating
// that was changed, and the merge of users, of which it shows only that the loser is inactive.
func compareActivities(t *testing.T, back, live *store) {
	t.Helper()
	a, b := activityIDs(back), activityIDs(live)
	for id, row := range a {
		if b[id] == nil && row["activity"] != "contact-deleted" {
			t.Errorf("only by back-fill: %v %v ticket %v", row["activity"], row["occurred_at"], row["ticket_id"])
		}
	}
	extra := map[string]int{}
	for id, row := range b {
		if a[id] != nil {
			continue
		}
		switch kind := row["activity"].(string); kind {
		case "contact-merged", "satisfaction-requested", "satisfaction-rating-received":
			extra[kind]++
		default:
			t.Errorf("only live: %v %v ticket %v", kind, row["occurred_at"], row["ticket_id"])
		}
	}
	if extra["contact-merged"] != 2 || extra["satisfaction-requested"] == 0 {
		t.Errorf("live-only activities: %v, want the two merges of users and the offers behind given ratings", extra)
	}
}

func activityIDs(s *store) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, row := range s.tables[schemas.TableActivities] {
		out[row["activity_id"].(string)] = row
	}
	return out
}
