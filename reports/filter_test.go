package reports

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/processors"
	"deskstream/schemas"
)

var (
	someWords = []string{
		"travel insurance", "Travel-Insurance refund", "reinsurance", "Émile", "", "vip", "a&amp;b", "x",
		"İbrahim", "I\u0307BRAHIM", "ibrahim", "ıbrahim", "ΌΣΟΣ ΣΑΣ", "όσος σας", "STRASSE", "Straße", "\u212aelvin", "kelvin",
	}
	someTimes  = []string{"2026-03-20T11:00:00Z", "2026-03-20T00:00:00Z", "2026-03-19T23:59:59Z", "2026-03-18T12:00:00Z", "2026-01-02T03:04:05Z", "2025-03-30T00:30:00Z"}
	someDays   = []string{"2026-03-20", "2026-03-19", "2026-03-18", "2026-01-02"}
	someCustom = []string{
		`{}`, `{"plan":"gold"}`, `{"plan":""}`, `{"plan":5}`, `{"plan":0}`, `{"plan":-0}`, `{"plan":-0.0}`, `{"plan":true}`, `{"plan":["gold","x"]}`, `{"plan":2.5,"other":"y"}`,
		`{"plan":"2026-03-19"}`, `{"plan":"2026-03-20T03:30:00Z"}`, `{"plan":"2026-03-18T23:30:00.5-04:00"}`, `{"plan":"1965-02-28"}`, `{"plan":"20260319"}`, `{"plan":"2026-03-19 "}`,
		`{"plan":["2026-03-19"]}`,
	}
)

// crowd makes people in which every kind of value occurs, with activities, figures and organizations.
type crowd struct {
	*rand.Rand
	people     []schemas.PersonRow
	stats      []schemas.PersonStats
	ever       []schemas.PersonActivity
	activities []schemas.Activity
}

func (c *crowd) of(list []string) string { return list[c.Intn(len(list))] }

func (c *crowd) time() time.Time {
	t, _ := time.Parse(time.RFC3339, c.of(someTimes))
	return t
}

func (c *crowd) person(n int) {
	users := []int64{int64(10 * n)}
	if c.Intn(4) == 0 {
		users = append(users, int64(10*n+1))
	}
	tags, _ := json.Marshal([]string{c.of(someWords), "T" + c.of(someWords)}[:c.Intn(3)])
	row := schemas.PersonRow{
		Account: testAccount, PersonID: fmt.Sprintf("p_%03d", n), SourceIDs: []string{testSource}, FirstName: c.of(someWords), LastName: c.of(someWords), Email: c.of(someWords),
		PhoneNumber: c.of(someWords), ExternalID: c.of(someWords), Language: c.of(someWords), Timezone: "UTC", EmailPermission: uint8(c.Intn(2)),
		SMSPermission: uint8(c.Intn(2)), Archived: uint8(c.Intn(2)), OrganizationID: int64(700 + c.Intn(3)), UserIDs: users, Custom: c.of(someCustom),
		CreatedAt: c.time(), UpdatedAt: c.time(),
		OrganizationIDs: []int64{700, 701, 702}[:c.Intn(4)],
		Zendesk: fmt.Sprintf(`{"user_id":"%d","name":%q,"tags":%s,"verified":%v,"created_at":%q,"fields":{"plan":%q,"seats":%d,"since":%q,"on":%v,"many":%s}}`,
			users[0], c.of(someWords), tags, c.Intn(2) == 0, c.of(someTimes), c.of(someWords), c.Intn(3), c.of(append(someDays, "")), c.Intn(2) == 0, tags),
	}
	for _, u := range users {
		row.OwnIDs = append(row.OwnIDs, fmt.Sprintf("p_u%d", u))
		c.user(u)
	}
	c.people = append(c.people, row)
}

func (c *crowd) user(u int64) {
	if c.Intn(3) > 0 {
		st := schemas.PersonStats{Account: testAccount, UserID: u, TicketsTotal: int64(c.Intn(3)), TicketsOpen: int64(c.Intn(2))}
		if st.TicketsTotal > 0 {
			at := c.time()
			st.LastTicketAt, st.LastTicketID, st.LastSubject, st.LastStatus = &at, u, c.of(someWords), c.of([]string{"open", "solved"})
			if c.Intn(4) > 0 { // when the first one was made is not known of all
				st.FirstTicketAt = &at
			}
		}
		c.stats = append(c.stats, st)
	}
	for _, slug := range []string{"ticket-created", "ticket-closed"} {
		n := c.Intn(4)
		for i := range n {
			at := c.time()
			a := schemas.Activity{
				Account: testAccount, Activity: slug, OccurredAt: at, ActivityID: fmt.Sprintf("a_%d_%s_%d_%d", u, slug, i, at.Unix()), UserID: u, Subject: c.of(someWords),
				Message: c.of(someWords), Tags: []string{c.of(someWords)}, Status: c.of([]string{"open", "solved"}), AssigneeID: int64(c.Intn(5) * 5),
				GroupID: int64(c.Intn(5)), BrandID: int64(c.Intn(5)), OrganizationID: int64(c.Intn(2) * 700),
				FormID: int64(c.Intn(5)), TicketID: (u + int64(i)) % 3,
				Attributes: c.of([]string{`{}`, `{"score":"good","reopens":2}`, `{"changed-fields":["name","x"],"reopens":0}`}), ExpiresAt: testNow.AddDate(50*c.Intn(2), 0, 0), // ClickHouse drops what is over for it, so the others are far off
			}
			c.activities = append(c.activities, a)
			if i == 0 {
				c.ever = append(c.ever, schemas.PersonActivity{Account: testAccount, UserID: u, Activity: slug, FirstAt: a.OccurredAt, LastAt: a.OccurredAt})
			}
			e := &c.ever[len(c.ever)-1]
			e.Count++
			if a.OccurredAt.Before(e.FirstAt) {
				e.FirstAt = a.OccurredAt
			}
			if a.OccurredAt.After(e.LastAt) {
				e.LastAt = a.OccurredAt
			}
		}
	}
}

// condition draws op and value of a type.
func (c *crowd) condition(t schemas.ValueType) map[string]any {
	ops := map[schemas.ValueType][]string{
		schemas.TypeText:    {"is", "is_not", "starts_with", "ends_with", "contains", "not_contains", "contains_phrase", "has_value", "has_no_value"},
		schemas.TypeNumber:  {"is", "is_not", "lt", "gt", "between", "has_value", "has_no_value"},
		schemas.TypeBoolean: {"is", "is_not", "has_value", "has_no_value"},
		schemas.TypeTime:    {"before", "after", "on", "between", "less_than_days_ago", "more_than_days_ago", "exactly_days_ago", "has_value", "has_no_value"},
		schemas.TypeList:    {"contains", "not_contains", "has_value", "has_no_value"},
	}
	op := c.of(ops[t])
	m := map[string]any{"op": op}
	switch {
	case strings.HasPrefix(op, "has_"):
	case strings.HasSuffix(op, "days_ago"):
		m["value"] = c.Intn(4)
	case t == schemas.TypeNumber && op == "between":
		low := c.Intn(2)
		m["value"] = []int{low, low + c.Intn(2)}
	case t == schemas.TypeNumber:
		m["value"] = c.Intn(4) - 1
	case t == schemas.TypeBoolean:
		m["value"] = c.Intn(2) == 0
	case t == schemas.TypeTime && op == "between":
		m["value"] = slices.Sorted(slices.Values([]string{c.of(someDays), c.of(someDays)}))
	case t == schemas.TypeTime && (op == "on" || c.Intn(2) == 0):
		m["value"] = c.of(someDays)
	case t == schemas.TypeTime:
		m["value"] = c.of(someTimes)
	case op == "contains_phrase":
		m["value"] = c.of([]string{"Travel insurance", "insurance", "émile", "amp b", "İbrahim", "i\u0307brahim", "ΌΣΟΣ", "σας", "straße", "Kelvin"})
	case c.Intn(5) == 0:
		m["value"] = []string{c.of(someWords), c.of(someWords)}
	default:
		m["value"] = c.of(someWords)
	}
	return m
}

func (c *crowd) filter(names filterNames, depth int) map[string]any {
	switch n := c.Intn(8); {
	case n < 2 && depth < 3:
		list := make([]any, 1+c.Intn(3))
		for i := range list {
			list[i] = c.filter(names, depth+1)
		}
		return map[string]any{c.of([]string{"all", "any"}): list}
	case n == 2:
		return map[string]any{"not": c.filter(names, depth+1)}
	case n < 5:
		return c.activity()
	}
	field := c.of(append(names.Fields(), "custom.plan", "custom.plan", "zendesk.tags"))
	t, _ := names.FieldType(field)
	if t == schemas.TypeAny {
		t = schemas.ValueType(c.of([]string{"text", "number", "boolean", "time"}))
	}
	m := c.condition(t)
	m["field"] = field
	return m
}

func (c *crowd) activity() map[string]any {
	m := map[string]any{"activity": c.of([]string{"ticket-created", "ticket-closed", "ticket-solved"}), "op": c.of([]string{"occurs", "has_occurred", "has_occurred", "first_occurred", "last_occurred", "occurred_times"})}
	switch m["op"] {
	case "first_occurred", "last_occurred":
		for m["when"] == nil {
			if w := c.condition(schemas.TypeTime); !strings.HasPrefix(w["op"].(string), "has_") {
				m["when"] = w
			}
		}
	case "occurred_times":
		for m["times"] == nil {
			if w := c.condition(schemas.TypeNumber); !strings.HasPrefix(w["op"].(string), "has_") {
				m["times"] = w
			}
		}
	}
	if m["op"] != "occurs" && m["when"] == nil && c.Intn(2) == 0 {
		m["within_days"] = 1 + c.Intn(4)
	}
	var where []any
	for c.Intn(2) == 0 {
		name := c.of(filterNames{}.Attributes())
		t, _ := filterNames{}.AttributeType(name)
		w := c.condition(t)
		w["attribute"] = strings.ReplaceAll(name, "_", c.of([]string{"_", "-"}))
		where = append(where, w)
	}
	if where != nil {
		m["where"] = where
	}
	return m
}

// named puts agents, groups and brands into the tables, some without a name, and tickets of organizations.
func (c *crowd) named(s *testServer) {
	for i := int64(1); i <= 3; i++ {
		insertInto(s.t, s.db, schemas.TableAgents, schemas.Agent{Account: testAccount, UserID: 5 * i, Name: c.of(someWords), Email: c.of(someWords)})
		for _, kind := range []string{"group", "brand", "ticket_form"} {
			insertInto(s.t, s.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: kind, ID: i, Name: c.of(someWords)})
		}
	}
	for i := range int64(5) {
		insertInto(s.t, s.db, schemas.TableTickets, schemas.TicketRow{
			Account: testAccount, TicketID: i + 1, OrganizationID: 700 + int64(c.Intn(3)), Status: c.of([]string{"open", "solved"}), CSAT: c.of([]string{"", "good", "bad"}),
			Deleted: uint8(c.Intn(2)), CreatedAt: c.time(), UpdatedAt: c.time(),
		})
	}
}

// TestR49_FiltersMeanTheSame: over random people and random filters the list that SQL makes is the one that the evaluator makes.
func TestR49_FiltersMeanTheSame(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	c := &crowd{Rand: rand.New(rand.NewSource(seed))}
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Location = zone(t, "America/New_York") })
	for n := range 40 {
		c.person(n + 1)
	}
	insertInto(t, s.db, schemas.TablePeople, c.people...)
	insertInto(t, s.db, schemas.TablePersonStats, c.stats...)
	insertInto(t, s.db, schemas.TablePersonActivities, c.ever...)
	insertInto(t, s.db, schemas.TableActivities, c.activities...)
	insertInto(t, s.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: 700, Name: "Émile Ltd", ExternalID: "x", Zendesk: `{"tags":["vip"],"shared_tickets":true}`},
		schemas.OrganizationRow{Account: testAccount, OrganizationID: 701, Name: "travel insurance", Zendesk: `{"tags":[],"shared_tickets":false,"created_at":"2026-03-19T23:59:59Z"}`})
	c.named(s)
	for kind, typ := range map[string]string{"plan": "text", "seats": "integer", "since": "date", "on": "checkbox", "many": "multiselect"} {
		insertInto(t, s.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "user_field", ID: int64(len(kind) * 100), Name: kind, Key: kind, Type: typ})
	}
	names, err := s.filterNames(t.Context(), []string{testAccount})
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]personRow, len(c.people))
	for i := range c.people {
		rows[i].PersonRow = c.people[i]
	}
	some := 0
	for range 80 {
		text, err := json.Marshal(c.filter(names, 0))
		if err != nil {
			t.Fatal(err)
		}
		got, want := s.found(string(text)), s.told(string(text), rows, names)
		if got != want {
			t.Fatalf("%s\n SQL %s\ntold %s", text, got, want)
		}
		if n := strings.Count(got, ",") + 1; got != "" && n < len(rows) {
			some++
		}
	}
	if some < 15 {
		t.Errorf("only %d filters told people apart", some)
	}
}

// TestFiltersOnCustomDates: a field of the customer's own that holds dates is compared as one, a date by the days of the account's zone.
func TestFiltersOnCustomDates(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Location = zone(t, "America/New_York") }) // testNow is the 20th there
	for id, day := range map[string]string{
		"today": `"2026-03-20"`, "yesterday": `"2026-03-19"`, "late": `"2026-03-20T03:30:00Z"`, "old": `"1965-02-28"`, "word": `"soon"`, "number": `20260319`, "list": `["2026-03-19"]`,
	} {
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{Account: testAccount, PersonID: id, Zendesk: "{}", Custom: `{"day":` + day + `}`})
	}
	for condition, want := range map[string]string{
		`"op":"on","value":"2026-03-19"`:                     "late,yesterday",
		`"op":"before","value":"2026-03-19"`:                 "old",
		`"op":"before","value":"1965-03-01"`:                 "old",
		`"op":"before","value":"1965-02-28"`:                 "",
		`"op":"after","value":"2026-03-19"`:                  "today",
		`"op":"after","value":"2026-03-20T03:00:00Z"`:        "late,today",
		`"op":"between","value":["1965-02-28","2026-03-19"]`: "late,old,yesterday",
		`"op":"exactly_days_ago","value":1`:                  "late,yesterday",
		`"op":"less_than_days_ago","value":1`:                "today",
		`"op":"more_than_days_ago","value":1`:                "old",
		`"op":"is","value":"2026-03-19"`:                     "list,yesterday",
		`"op":"between","value":[20260318,20260320]`:         "number",
		`"op":"has_value"`:                                   "late,list,number,old,today,word,yesterday",
	} {
		if got := s.found(`{"field":"custom.day",` + condition + `}`); got != want {
			t.Errorf("%s: %s, want %s", condition, got, want)
		}
	}
}

// TestFiltersOnDaysOfClockChanges: a day of a filter is what the clocks of the zone call it, also where they are put at midnight and where a date is
// skipped, and lists agree with audiences on it.
func TestFiltersOnDaysOfClockChanges(t *testing.T) {
	t.Parallel()
	db := openDatabase(t)
	for _, c := range []struct {
		zone, before, day, begins string
		ago                       int // days from the one before to the day
	}{
		{"America/Santiago", "2026-09-05", "2026-09-06", "2026-09-06T01:00:00-03:00", 1},
		{"America/Havana", "2026-03-07", "2026-03-08", "2026-03-08T01:00:00-04:00", 1},
		{"America/Havana", "2026-10-31", "2026-11-01", "2026-11-01T00:00:00-04:00", 1},
		{"Atlantic/Azores", "2026-03-28", "2026-03-29", "2026-03-29T01:00:00Z", 1},
		{"Africa/Cairo", "2024-04-25", "2024-04-26", "2024-04-26T01:00:00+03:00", 1},
		{"Pacific/Apia", "2011-12-29", "2011-12-31", "2011-12-31T00:00:00+14:00", 2},
	} {
		begins, err := time.Parse(time.RFC3339, c.begins)
		if err != nil {
			t.Fatal(err)
		}
		now := begins.Add(12 * time.Hour)
		s := newTestServer(t, db, func(o *Options) { o.Location, o.Now = zone(t, c.zone), func() time.Time { return now } })
		var rows []personRow
		for _, p := range []struct {
			id, custom string
			created    time.Time
		}{
			{"date", c.day, begins.Add(20 * time.Hour)},
			{"date-before", c.before, begins.Add(-20 * time.Hour)},
			{"first", begins.Format(time.RFC3339), begins},
			{"last-before", begins.Add(-time.Second).Format(time.RFC3339), begins.Add(-time.Second)},
		} {
			row := schemas.PersonRow{Account: testAccount, PersonID: p.id, Zendesk: "{}", Custom: `{"day":"` + p.custom + `"}`, CreatedAt: p.created}
			insertInto(t, db, schemas.TablePeople, row)
			rows = append(rows, personRow{PersonRow: row})
		}
		names, err := s.filterNames(t.Context(), []string{testAccount})
		if err != nil {
			t.Fatal(err)
		}
		day, before := "date,first", "date-before,last-before"
		for _, field := range []string{"created_at", "custom.day"} {
			for condition, want := range map[string]string{
				`"op":"on","value":"` + c.day + `"`:                                               day,
				`"op":"on","value":"` + c.before + `"`:                                            before,
				`"op":"before","value":"` + c.day + `"`:                                           before,
				`"op":"after","value":"` + c.before + `"`:                                         day,
				`"op":"between","value":["` + c.before + `","` + c.before + `"]`:                  before,
				`"op":"less_than_days_ago","value":1`:                                             day,
				fmt.Sprintf(`"op":"exactly_days_ago","value":%d`, c.ago):                          before,
				`"op":"more_than_days_ago","value":0`:                                             before,
				fmt.Sprintf(`"op":"on","value":"%s"`, now.AddDate(0, 0, 3).Format(time.DateOnly)): "",
			} {
				text := `{"field":"` + field + `",` + condition + `}`
				if got := s.found(text); got != want {
					t.Errorf("%s, %s: listed %s, want %s", c.zone, text, got, want)
				}
				if got := s.told(text, rows, names); got != want {
					t.Errorf("%s, %s: told %s, want %s", c.zone, text, got, want)
				}
			}
		}
		if got := s.found(`{"field":"created_at","op":"on","value":"2011-12-30"}`); got != "" {
			t.Errorf("%s: %s on a date that was skipped", c.zone, got)
		}
	}
}

// TestFiltersTakeMinusZeroForZero: a number of the customer's own that is stored as -0 is 0, for lists and audiences, and so is a -0 that is asked for.
func TestFiltersTakeMinusZeroForZero(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	var rows []personRow
	for id, n := range map[string]string{"integer": "-0", "float": "-0.0", "plain": "0", "one": "1"} {
		row := schemas.PersonRow{Account: testAccount, PersonID: id, Zendesk: "{}", Custom: `{"n":` + n + `}`}
		insertInto(t, s.db, schemas.TablePeople, row)
		rows = append(rows, personRow{PersonRow: row})
	}
	names, err := s.filterNames(t.Context(), []string{testAccount})
	if err != nil {
		t.Fatal(err)
	}
	for condition, want := range map[string]string{
		`"op":"is","value":0`: "float,integer,plain", `"op":"is","value":-0`: "float,integer,plain", `"op":"is","value":[-0.0,1]`: "float,integer,one,plain",
		`"op":"is_not","value":0`: "one", `"op":"between","value":[-0,0]`: "float,integer,plain", `"op":"lt","value":0`: "",
	} {
		text := `{"field":"custom.n",` + condition + `}`
		if got, told := s.found(text), s.told(text, rows, names); got != want || told != want {
			t.Errorf("%s: listed %s, told %s, want %s", text, got, told, want)
		}
	}
}

// found gives the ids of the people whom the list of a filter has.
func (s *testServer) found(filter string) string {
	s.t.Helper()
	var list page[map[string]any]
	s.get("/v1/people?limit=500&columns=id&filter="+url.QueryEscape(filter), &list)
	var got []string
	for _, p := range list.Items {
		got = append(got, p["id"].(string))
	}
	slices.Sort(got)
	return strings.Join(got, ",")
}

// told gives the ids of those people whom an audience of a filter has.
func (s *testServer) told(filter string, rows []personRow, names filterNames) string {
	s.t.Helper()
	f, err := schemas.ParseFilter([]byte(filter), "filter", names)
	if err != nil {
		s.t.Fatalf("%s: %v", filter, err)
	}
	var need filterNeeds
	need.add(f, reach(s.Now(), s.Location))
	docs, err := s.documents(s.t.Context(), []string{testAccount}, rows, names, &need, everybody)
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		if processors.Match(f, d.person, s.Now(), s.Location) {
			got = append(got, d.who.ID)
		}
	}
	slices.Sort(got)
	return strings.Join(got, ",")
}

func TestFiltersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, c := range [][3]string{
		{`[]`, "query.filter", "must be an object"},
		{`{`, "query.filter", "must be an object"},
		{`{}`, "query.filter", "all, any, not, field"},
		{`{"all":[],"any":[]}`, "query.filter", "must have one of"},
		{`{"all":[]}`, "query.filter.all", "at least one"},
		{`{"all":[{"not":{"field":"emial","op":"is","value":"x"}}]}`, "query.filter.all[0].not.field", `was \"email\" meant?`},
		{`{"field":"email","op":"gt","value":1}`, "query.filter.op", "starts_with"},
		{`{"field":"email","op":"is"}`, "query.filter.value", "missing"},
		{`{"field":"email","op":"is","value":5}`, "query.filter.value", "text"},
		{`{"field":"email","op":"has_value","value":""}`, "query.filter.value", "no meaning"},
		{`{"field":"email","op":"is","value":"x","where":[]}`, "query.filter.where", "field, op, value"},
		{`{"field":"created_at","op":"on","value":"2026-01-01T00:00:00Z"}`, "query.filter.value", "2026-01-31"},
		{`{"field":"created_at","op":"less_than_days_ago","value":-1}`, "query.filter.value", "0 to"},
		{`{"field":"zendesk.tickets_total","op":"between","value":[1]}`, "query.filter.value", "list of two"},
		{`{"field":"zendesk.tickets_total","op":"between","value":[5,0]}`, "query.filter.value", "lowest that matches first"},
		{`{"field":"created_at","op":"between","value":["2026-02-01","2026-01-31"]}`, "query.filter.value", "lowest that matches first"},
		{`{"field":"custom.day","op":"between","value":["2026-02-01T00:00:01Z","2026-02-01T00:00:00Z"]}`, "query.filter.value", "lowest that matches first"},
		{`{"activity":"ticket-closed","op":"occurred_times","times":{"op":"between","value":[2,1]}}`, "query.filter.times.value", "lowest that matches first"},
		{`{"field":"email","op":"is","value":"` + strings.Repeat("é", 1001) + `"}`, "query.filter.value", "a text of up to 1000 letters"},
		{`{"field":"zendesk.tickets_total","op":"lt","value":"5"}`, "query.filter.value", "number"},
		{`{"field":"zendesk.verified","op":"is","value":"yes"}`, "query.filter.value", "true or false"},
		{`{"field":"custom.day","op":"before","value":5}`, "query.filter.value", "2026-01-31"},
		{`{"field":"custom.day","op":"between","value":["2026-01-31",5]}`, "query.filter.value", "2026-01-31"},
		{`{"field":"custom.day","op":"exactly_days_ago","value":"x"}`, "query.filter.value", "whole number of days"},
		{`{"field":"custom.day","op":"contains","value":5}`, "query.filter.op", "custom.day may hold anything, but is compared with a number: accepted are is,"},
		{`{"activity":"ticket-close","op":"has_occurred"}`, "query.filter.activity", "ticket-closed"},
		{`{"activity":"ticket-closed","op":"happened"}`, "query.filter.op", "occurred_times"},
		{`{"activity":"ticket-closed","op":"last_occurred"}`, "query.filter.when", "more_than_days_ago"},
		{`{"activity":"ticket-closed","op":"occurred_times","times":{"op":"has_value"}}`, "query.filter.times.op", "always"},
		{`{"activity":"ticket-closed","op":"has_occurred","within_days":0}`, "query.filter.within_days", "1 is today"},
		{`{"activity":"ticket-closed","op":"occurs","within_days":3}`, "query.filter.within_days", "accepted"},
		{`{"activity":"ticket-closed","op":"has_occurred","where":[{"attribute":"subjekt","op":"is","value":"x"}]}`, "query.filter.where[0].attribute", "subject"},
		{`{"activity":"ticket-closed","op":"has_occurred","where":[{"attribute":"subject","op":"contains_phrase","value":"!"}]}`, "query.filter.where[0].value", "letter or digit"},
		{strings.Repeat(`{"not":`, 30) + `{"field":"email","op":"has_value"}` + strings.Repeat(`}`, 30), "query.filter", "deep"},
	} {
		s.wantProblem(s.call("GET", "/v1/people?filter="+url.QueryEscape(c[0]), "people-key", nil), 422, "invalid-input", c[1], c[2])
	}
}

// TestFilterTextsOfAThousandLetters: the length of a text is counted in letters, whatever bytes they take.
func TestFilterTextsOfAThousandLetters(t *testing.T) {
	t.Parallel()
	text := `{"field":"custom.x","op":"is","value":"` + strings.Repeat("é", 1000) + `"}`
	if _, err := schemas.ParseFilter([]byte(text), "filter", filterNames{}); err != nil {
		t.Error(err)
	}
}

// TestR52_TicketsAboutAPhrase: title, tag and message body combine in one filter, with the rules for words.
func TestR52_TicketsAboutAPhrase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	say := func(user int64, change func(*schemas.Activity)) {
		a := schemas.Activity{
			Account: testAccount, Activity: "ticket-message-received", OccurredAt: testNow.Add(-time.Hour), ActivityID: fmt.Sprint("a", user), UserID: user,
			ExpiresAt: testNow.AddDate(50, 0, 0), Attributes: "{}", // far off, or ClickHouse drops it
		}
		change(&a)
		insertInto(t, s.db, schemas.TableActivities, a)
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{Account: testAccount, PersonID: fmt.Sprint("p", user), UserIDs: []int64{user}, Zendesk: "{}", Custom: "{}"})
	}
	for i, change := range []func(*schemas.Activity){
		func(a *schemas.Activity) { a.Subject = "My TRAVEL   Insurance" },
		func(a *schemas.Activity) { a.Message = "about travel-insurance, please" },
		func(a *schemas.Activity) { a.Tags = []string{"travel-insurance"} },
		func(a *schemas.Activity) { a.Message = "travel reinsurance" },
		func(a *schemas.Activity) { a.Message = "insurance for travel" },
		func(a *schemas.Activity) { a.Message, a.ExpiresAt = "travel insurance", testNow },
		func(a *schemas.Activity) { a.Subject = "travel\u00a0insurance" },
	} {
		say(int64(i+1), change)
	}
	phrase := func(name string) string {
		return `{"activity":"ticket-message-received","op":"has_occurred","within_days":30,"where":[{"attribute":"` + name + `","op":"contains_phrase","value":"Travel Insurance"}]}`
	}
	filter := `{"any":[` + phrase("subject") + `,` + phrase("message") + `,{"activity":"ticket-message-received","op":"has_occurred","where":[{"attribute":"tags","op":"contains","value":"travel-insurance"}]}]}`
	var list page[map[string]any]
	s.get("/v1/people?columns=id&filter="+url.QueryEscape(filter), &list)
	var got []string
	for _, p := range list.Items {
		got = append(got, p["id"].(string))
	}
	slices.Sort(got)
	if want := []string{"p1", "p2", "p3", "p7"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var e explanation
	s.want(200, s.call("POST", "/v1/audiences/explain", "people-key", `{"person":"email:jo@x.test","filter":{"all":[{"field":"zendesk.tags","op":"contains","value":"VIP"},
		{"not":{"activity":"ticket-created","op":"has_occurred"}}]}}`), &e)
	if e.Matches || e.Person != "p_2001" || len(e.Part.Parts) != 2 || !e.Part.Parts[0].Matches || e.Part.Parts[1].Matches {
		t.Fatalf("%+v", e)
	}
	tags, inner := e.Part.Parts[0], e.Part.Parts[1].Parts[0]
	if fmt.Sprint(tags.Value) != "[vip beta]" || tags.Path != "filter.all[0]" || inner.Path != "filter.all[1].not" || !inner.Matches || inner.Ever == nil || inner.Ever.Stored != 2 {
		t.Errorf("%+v %+v", tags, inner)
	}
	s.wantProblem(s.call("POST", "/v1/audiences/explain", "people-key", `{"person":"p_2001","filter":{"field":"x","op":"is","value":1}}`), 422, "invalid-input", "body.filter.field")
	s.wantProblem(s.call("POST", "/v1/audiences/explain", "people-key", `{"person":"p_none","filter":{"field":"email","op":"has_value"}}`), 404, "no-such-person")
}
