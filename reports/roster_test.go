package reports

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"deskstream/processors"
	"deskstream/schemas"
)

// rosterCrowd is a crowd in the tables, with a worker that knows filters over it.
type rosterCrowd struct {
	*crowd
	t    *testing.T
	s    *testServer
	w    *audienceWorker
	told int // filters that told people apart
}

// insert puts what was drawn into the tables.
func (c *rosterCrowd) insert() {
	insertInto(c.t, c.s.db, schemas.TablePeople, c.people...)
	insertInto(c.t, c.s.db, schemas.TablePersonStats, c.stats...)
	insertInto(c.t, c.s.db, schemas.TablePersonActivities, c.ever...)
	insertInto(c.t, c.s.db, schemas.TableActivities, c.activities...)
	for id := int64(700); id < 702; id++ {
		insertInto(c.t, c.s.db, schemas.TableOrganizations, schemas.OrganizationRow{
			Account: testAccount, OrganizationID: id, Name: c.of(someWords), ExternalID: c.of(someWords), IsDeleted: uint8(c.Intn(4) / 3),
			Zendesk: fmt.Sprintf(`{"tags":[%q],"shared_tickets":%v,"created_at":%q}`, c.of(someWords), c.Intn(2) == 0, c.of(someTimes)),
		})
	}
	c.named(c.s)
}

// happen draws anew some people, with what they did, and merges and parts some.
func (c *rosterCrowd) happen(all map[string]schemas.PersonRow) {
	c.people, c.stats, c.ever, c.activities = nil, nil, nil, nil
	for range 10 {
		n := 1 + c.Intn(40)
		c.person(n)
		row := &c.people[len(c.people)-1]
		c.ownIDs(row)
		if other, ok := all[c.leadOf(1+c.Intn(40))]; ok && c.Intn(3) == 0 && other.PersonID != row.PersonID {
			row.UserIDs = append(row.UserIDs, other.UserIDs...)
			c.ownIDs(row)
		}
	}
	for i := range c.people {
		all = c.settle(all, c.people[i])
	}
	for i := range c.activities { // some move to another user, some are withdrawn
		if c.Intn(5) == 0 {
			c.activities[i].UserID = int64(10 * (1 + c.Intn(40)))
		}
		c.activities[i].IsDeleted = uint8(c.Intn(5) / 4)
		c.activities[i].ExpiresAt = testNow.AddDate(50, 0, 0) // ClickHouse drops what is over for it: the row before would come back
	}
}

func (c *rosterCrowd) leadOf(n int) string {
	return schemas.OwnPersonID(testAccount, schemas.ZID(10*n))
}

func (*rosterCrowd) ownIDs(row *schemas.PersonRow) {
	row.OwnIDs = nil
	for _, u := range row.UserIDs {
		row.OwnIDs = append(row.OwnIDs, schemas.OwnPersonID(testAccount, schemas.ZID(u)))
	}
	row.PersonID = row.OwnIDs[0]
}

// settle has a person take the place of those that its users were, as the processor does: who has no users left is withdrawn.
func (c *rosterCrowd) settle(all map[string]schemas.PersonRow, row schemas.PersonRow) map[string]schemas.PersonRow {
	for id, other := range all {
		if id == row.PersonID || !slices.ContainsFunc(other.UserIDs, func(u int64) bool { return slices.Contains(row.UserIDs, u) }) {
			continue
		}
		other.IsDeleted = 1
		c.people = append(c.people, other)
		delete(all, id)
		for _, u := range other.UserIDs {
			if !slices.Contains(row.UserIDs, u) { // it becomes a person of its own
				alone := other
				alone.IsDeleted, alone.UserIDs = 0, []int64{u}
				c.ownIDs(&alone)
				c.people = append(c.people, alone)
				all[alone.PersonID] = alone
			}
		}
	}
	all[row.PersonID] = row
	return all
}

// compare evaluates all filters for everybody, from memory and as read from the tables.
func (c *rosterCrowd) compare() {
	c.t.Helper()
	rows, err := list[personRow](c.t.Context(), c.s.server, "all", "SELECT account, person_id, source_ids, first_name, last_name, email, phone_number, external_id, language, "+
		"timezone, email_permission, sms_permission, archived, organization_id, organization_ids, user_ids, own_ids, zendesk, custom, created_at, updated_at FROM people FINAL ORDER BY person_id", params{})
	if err != nil {
		c.t.Fatal(err)
	}
	need := filterNeeds{}
	for _, a := range c.w.index.lasting {
		need.join(&a.need)
	}
	docs, err := c.w.documents(c.t.Context(), c.w.accounts, rows, c.w.names, &need, everybody)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, a := range c.w.index.lasting {
		in := 0
		for _, d := range docs {
			lead := c.w.roster.users[rosterRef{d.who.userIDs[0], 0}]
			got := processors.Match(a.filter, c.w.roster.document(lead).person, testNow, c.s.Location)
			if want := processors.Match(a.filter, d.person, testNow, c.s.Location); got != want {
				c.t.Fatalf("%s of %v: %v in memory, %v as read", a.Filter, d.who.userIDs, got, want)
			}
			if got {
				in++
			}
		}
		if in > 0 && in < len(docs) {
			c.told++
		}
	}
}

// TestR49_MemoryMeansTheSame: over random people and filters, what is evaluated in memory is what is evaluated of the tables: when it was read,
// and after rows of every table came, from the stream or from the tables, among them merges, splits, activities that are withdrawn or of somebody else, and new names.
func TestR49_MemoryMeansTheSame(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Location = zone(t, "America/New_York") })
	c := &rosterCrowd{crowd: &crowd{Rand: rand.New(rand.NewSource(seed))}, t: t, s: s, w: newAudienceWorker(s.server)}
	for kind, typ := range map[string]string{"plan": "text", "seats": "integer", "since": "date", "on": "checkbox", "many": "multiselect"} {
		insertInto(t, s.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "user_field", ID: int64(len(kind) * 100), Name: kind, Key: kind, Type: typ})
	}
	all := map[string]schemas.PersonRow{}
	for n := range 40 {
		c.person(n + 1)
	}
	for i := range c.people {
		c.ownIDs(&c.people[i])
		all[c.people[i].PersonID] = c.people[i]
	}
	c.insert()
	if err := c.w.learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(c.w.parsed) < 120 {
		text, err := json.Marshal(c.filter(c.w.names, 0))
		if err != nil {
			t.Fatal(err)
		}
		a := c.w.parse(schemas.Audience{ID: fmt.Sprint(len(c.w.parsed)), Filter: text})
		if a.filter == nil {
			t.Fatalf("%s", text)
		}
		if len(a.fires) == 0 { // occurs is about what occurs, not about what is kept
			c.w.parsed[a.ID] = a
		}
	}
	ctx := t.Context()
	if err := c.w.replan(ctx, version.Load()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.w.recall(ctx, version.Load()); err != nil || c.w.roster == nil {
		t.Fatal("nothing is in memory", err)
	}
	c.compare()
	for i := range 4 {
		if i%2 == 1 {
			s.store.outputs = nil
		} else {
			s.keepOutputs()
		}
		from := version.Load()
		c.happen(all)
		c.insert()
		to := version.Load()
		rows, err := c.w.rowsBetween(ctx, from, to)
		if err == nil {
			c.w.rename(rows.names, &evaluation{})
			err = c.w.follow(ctx, rows, &userChanges{byUser: map[userRef]*userChange{}})
		}
		if err != nil || rows.to != to {
			t.Fatal(rows.to, err)
		}
		c.compare()
	}
	if c.told < 100 {
		t.Errorf("filters told people apart only %d times", c.told)
	}
}
