//go:build unix

package reports

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

// manyAudiences makes filters as marketers write them: profiles, organizations, figures, activities with and without words, and triggers.
func manyAudiences(n int) []string {
	kinds := []func(i int) string{
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"field":"zendesk.tags","op":"contains","value":"vip"},{"field":"zendesk.fields.tier","op":"is","value":"tier %d"}]}`, i%20)
		},
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"field":"language","op":"is","value":"en"},{"field":"email","op":"ends_with","value":"@company%d.test"}]}`, i)
		},
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"field":"zendesk.tickets_total","op":"gt","value":%d},{"not":{"activity":"satisfaction-rating-received","op":"has_occurred"}}]}`, i%15)
		},
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"activity":"ticket-closed","op":"last_occurred","when":{"op":"more_than_days_ago","value":%d}},{"field":"permissions.email","op":"is","value":true}]}`, 1+i%60)
		},
		func(i int) string {
			return fmt.Sprintf(`{"activity":"ticket-message-received","op":"has_occurred","within_days":%d,"where":[{"attribute":"message","op":"contains_phrase","value":"travel insurance"},{"attribute":"tags","op":"contains","value":"topic-%d"}]}`, 1+i%30, i%50)
		},
		func(i int) string {
			return fmt.Sprintf(`{"any":[{"field":"organization.name","op":"is","value":"Organization %d"},{"field":"organization.zendesk.tags","op":"contains","value":"gold-%d"}]}`, i, i)
		},
		func(i int) string {
			return fmt.Sprintf(`{"activity":"ticket-created","op":"occurred_times","within_days":%d,"times":{"op":"gt","value":%d}}`, 1+i%30, i%4)
		},
		func(i int) string {
			return fmt.Sprintf(`{"activity":"ticket-closed","op":"occurs","where":[{"attribute":"subject","op":"contains","value":"subject %d "}]}`, i%100)
		},
	}
	out := make([]string, n)
	for i := range out {
		out[i] = kinds[i%len(kinds)](i)
	}
	return out
}

// benchCrowd fills the tables as events of many people do.
type benchCrowd struct {
	*audienceServer
	b    *testing.B
	rand *rand.Rand
	n    int
	next int
}

const benchOrganizations = 1000

func (c *benchCrowd) fill() {
	organizations := make([]schemas.OrganizationRow, benchOrganizations)
	for i := range organizations {
		organizations[i] = schemas.OrganizationRow{Account: testAccount, OrganizationID: int64(i + 1), Name: fmt.Sprint("Organization ", i), Zendesk: fmt.Sprintf(`{"tags":["gold-%d"]}`, i)}
	}
	insertInto(c.b, c.db, schemas.TableOrganizations, organizations...)
	insertInto(c.b, c.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "user_field", ID: 1, Name: "Tier", Key: "tier", Type: "text"})
	for from := 0; from < c.n; from += 20_000 {
		people, aliases := []schemas.PersonRow{}, []schemas.PersonAlias{}
		for i := from; i < min(from+20_000, c.n); i++ {
			row := c.personRow(i)
			people = append(people, row)
			aliases = append(aliases, schemas.PersonAlias{Account: testAccount, Alias: row.PersonID, PersonID: row.PersonID})
		}
		insertInto(c.b, c.db, schemas.TablePeople, people...)
		insertInto(c.b, c.db, schemas.TablePersonAliases, aliases...)
	}
	for done := 0; done < 2*c.n; done += 20_000 {
		c.happen(20_000)
	}
}

func (c *benchCrowd) personRow(i int) schemas.PersonRow {
	id := schemas.OwnPersonID(testAccount, schemas.ZID(i+1))
	return schemas.PersonRow{
		Account: testAccount, PersonID: id, SourceID: testSource, FirstName: fmt.Sprint("First", i%500), LastName: fmt.Sprint("Last", i%700), Email: fmt.Sprintf("p%d@company%d.test", i, i%1000),
		Language: []string{"en", "de", "fr"}[i%3], Timezone: "UTC", EmailPermission: uint8(i % 2), UserIDs: []int64{int64(i + 1)}, OwnIDs: []string{id}, OrganizationID: int64(i%benchOrganizations + 1),
		OrganizationIDs: []int64{int64(i%benchOrganizations + 1)}, Custom: "{}", CreatedAt: testNow, UpdatedAt: testNow,
		Zendesk: fmt.Sprintf(`{"user_id":"%d","name":"First%d Last%d","role":"end-user","verified":true,"tags":["vip","t%d"],"locale":"en-US","created_at":"2025-01-02T03:04:05Z","fields":{"tier":"tier %d","seats":%d}}`, i+1, i%500, i%700, i%40, i%20, i%50),
	}
}

// happen writes the rows of so many events: each is an activity of somebody with the figures that follow from it.
func (c *benchCrowd) happen(events int) {
	activities, stats, ever := make([]schemas.Activity, events), make([]schemas.PersonStats, events), make([]schemas.PersonActivity, events)
	slugs := []string{"ticket-created", "ticket-message-received", "ticket-message-received", "ticket-closed", "ticket-solved", "ticket-assigned"}
	for i := range events {
		c.next++
		user, at := int64(c.rand.Intn(c.n)+1), c.now.Add(-time.Duration(c.rand.Intn(60*24))*time.Hour)
		slug := slugs[c.rand.Intn(len(slugs))]
		activities[i] = schemas.Activity{
			Account: testAccount, Activity: slug, OccurredAt: at, ActivityID: strconv.Itoa(c.next), TicketID: int64(c.next), UserID: user, PersonID: schemas.OwnPersonID(testAccount, schemas.ZID(user)),
			Subject: fmt.Sprintf("The subject %d of a ticket", c.rand.Intn(1000)), Message: strings.Repeat("some words of a message that speaks of travel and insurance ", 5),
			Tags: []string{fmt.Sprint("topic-", c.rand.Intn(100))}, Status: "open", Attributes: `{}`, ExpiresAt: testNow.AddDate(50, 0, 0),
		}
		stats[i] = schemas.PersonStats{Account: testAccount, UserID: user, TicketsTotal: int64(c.rand.Intn(20)), FirstTicketAt: &at, LastTicketAt: &at, LastTicketID: int64(c.next), LastSubject: "x", LastStatus: "open"}
		ever[i] = schemas.PersonActivity{Account: testAccount, UserID: user, Activity: slug, FirstAt: at, LastAt: at, Count: 1}
	}
	insertInto(c.b, c.db, schemas.TableActivities, activities...)
	insertInto(c.b, c.db, schemas.TablePersonStats, stats...)
	insertInto(c.b, c.db, schemas.TablePersonActivities, ever...)
}

func (c *benchCrowd) rounds() {
	for more := true; more; {
		var err error
		if more, err = c.w.round(c.b.Context()); err != nil {
			c.b.Fatal(err)
		}
	}
}

// BenchmarkAudiences: what 200 audiences over many people add to the processor time of each event, of this process and of the engine, against
// the same events without audiences in the same run; a thousand events come between two looks. everybody-s is how long it takes to evaluate
// everybody for all of them. DESKSTREAM_BENCH_PEOPLE=1000000 is the size the aim is set for.
func BenchmarkAudiences(b *testing.B) {
	people, err := strconv.Atoi(os.Getenv("DESKSTREAM_BENCH_PEOPLE"))
	if err != nil {
		people = 100_000
	}
	const audiences, burst, bursts = 200, 1000, 20
	s := newTestServer(b, openDatabase(b), func(o *Options) { o.QueryTimeout = time.Minute })
	c := &benchCrowd{audienceServer: &audienceServer{testServer: s, w: newAudienceWorker(s.server), now: testNow}, b: b, rand: rand.New(rand.NewSource(1)), n: people}
	s.Now = func() time.Time { return c.now }
	c.w.started = testNow.Add(-time.Hour)
	c.fill()
	c.merged()
	bareOwn, bareEngine := c.bursts(bursts, burst)
	for i, f := range manyAudiences(audiences) {
		s.want(201, s.call("POST", "/v1/audiences", "people-key", map[string]any{"name": fmt.Sprint(i), "filter": json.RawMessage(f)}), nil)
	}
	start, before := time.Now(), heap()
	c.rounds()
	everybody := time.Since(start)
	c.now = c.now.Add(audienceLag + time.Second)
	c.enter()
	c.rounds()
	kept := heap() - before
	c.merged()
	for b.Loop() {
		own, engine := c.bursts(bursts, burst)
		b.ReportMetric(everybody.Seconds(), "everybody-s")
		b.ReportMetric(float64(kept)/1e6, "kept-MB")
		b.ReportMetric(float64((own-bareOwn).Microseconds())/burst/bursts, "own-us/event")
		b.ReportMetric(float64((engine-bareEngine).Microseconds())/burst/bursts, "engine-us/event")
		b.ReportMetric(float64((own+engine-bareOwn-bareEngine).Microseconds())/burst/bursts, "added-us/event")
	}
}

// merged waits until the engine merges nothing of what was written before, which would count as the work of what comes next.
func (c *benchCrowd) merged() {
	for quiet := 0; quiet < 10; quiet++ {
		var n uint64
		if err := c.db.QueryRow(c.b.Context(), "SELECT count() FROM system.merges").Scan(&n); err != nil {
			c.b.Fatal(err)
		}
		if n > 0 {
			quiet = 0
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// heap is what is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bursts has so many events happen a second, and evaluates what there is to evaluate; it gives the processor time of all that.
func (c *benchCrowd) bursts(n, events int) (own, engine time.Duration) {
	ownBefore, engineBefore := processorTime(c.b)
	for range n {
		c.happen(events)
		c.rounds()
		c.now = c.now.Add(time.Second)
	}
	ownAfter, engineAfter := processorTime(c.b)
	return ownAfter - ownBefore, engineAfter - engineBefore
}

// enter puts those of whom it was told into the table of members, as the processor does.
func (c *benchCrowd) enter() {
	var members []schemas.AudienceMember
	for _, e := range c.store.published {
		var v schemas.AudienceVerdict
		if err := json.Unmarshal(e.Data, &v); err != nil {
			c.b.Fatal(err)
		}
		for _, a := range v.In {
			members = append(members, schemas.AudienceMember{Account: testAccount, AudienceID: a.ID, PersonID: schemas.OwnPersonID(testAccount, v.ID), Since: c.now})
		}
	}
	c.store.published = nil
	for len(members) > 0 {
		n := min(len(members), 100_000)
		insertInto(c.b, c.db, schemas.TableAudienceMembers, members[:n]...)
		members = members[n:]
	}
}

// processorTime is that of this process and of the engine so far.
func processorTime(b *testing.B) (own, engine time.Duration) {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", localtest.TestEngine(b).PID()))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, i := range []int{11, 12} { // utime and stime, proc(5), in hundredths of a second
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		engine += time.Duration(n) * 10 * time.Millisecond
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), engine
}
