//go:build unix

package processors

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"deskstream/schemas"
)

// BenchmarkNewUsers measures what a first contact sync asks of the processor alone, of 100,000 people each tenth of whom shares an address with
// another one: Decode, Keys and Apply in batches as large as the loop's, with the rows of state in memory as the loop keeps them. Everything is told
// for each user.
func BenchmarkNewUsers(b *testing.B) {
	const n, size = 100_000, 3000
	events := newUsers(n)
	b.ReportAllocs()
	for b.Loop() {
		s := &stage{p: New(), cache: map[string]*schemas.StateRow{}, out: map[string]total{}}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for len(events) > 0 {
			k := min(size, len(events))
			s.batch(b, events[:k])
			events = events[k:]
		}
		runtime.ReadMemStats(&after)
		events = newUsers(n)
		each := func(v float64, unit string) { b.ReportMetric(v/n, unit) }
		for i, name := range []string{"decode", "keys", "apply"} {
			each(float64(s.spent[i].Nanoseconds()), name+"-ns/user")
		}
		each(float64((s.spent[0] + s.spent[1] + s.spent[2]).Nanoseconds()), "ns/user")
		each(float64(after.TotalAlloc-before.TotalAlloc), "alloc-B/user")
		each(float64(after.Mallocs-before.Mallocs), "allocs/user")
		for name, t := range s.out {
			each(float64(t.rows), name+"/user")
			each(float64(t.bytes), name+"-B/user")
		}
	}
}

type total struct{ rows, bytes int }

// stage runs batches as the loop does, without a stream.
type stage struct {
	p     *Processor
	cache map[string]*schemas.StateRow
	spent [3]time.Duration // Decode, Keys, Apply; processor time, the garbage collector's included
	out   map[string]total
}

func (s *stage) batch(b *testing.B, events []schemas.Event) {
	b.Helper()
	s.time(0, func() {
		for i := range events {
			s.p.Decode(&events[i])
		}
	})
	state := schemas.State{}
	for keys := []string{""}; len(keys) > 0; {
		s.time(1, func() { keys = s.p.Keys(events, state) })
		for _, k := range keys {
			if s.cache[k] == nil {
				s.cache[k] = &schemas.StateRow{}
			}
			state[k] = s.cache[k]
		}
	}
	var res schemas.Result
	var err error
	s.time(2, func() { res, err = s.p.Apply(events, state) })
	if err != nil {
		b.Fatal(err)
	}
	for k, row := range res.State {
		s.cache[k] = row
		s.count("state", len(row.Data))
	}
	for i := range res.Outputs {
		s.count("rows", len(res.Outputs[i].Data))
		s.count(res.Outputs[i].Table, len(res.Outputs[i].Data))
	}
}

func (s *stage) time(i int, f func()) {
	began := cpuTime()
	f()
	s.spent[i] += cpuTime() - began
}

func (s *stage) count(what string, bytes int) {
	t := s.out[what]
	t.rows, t.bytes = t.rows+1, t.bytes+bytes
	s.out[what] = t
}

// newUsers are records of users as the exports write them.
func newUsers(n int) []schemas.Event {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var f feed
	f.connect(at)
	for i := range n {
		id, address, external := 1_000_000+i, i, fmt.Sprintf(`"ext-%d"`, i)
		if i%10 == 9 {
			address = i - 1
		}
		if i%10 >= 8 {
			external = "null" // those that merge by address
		}
		f.add(schemas.KindUser, "poll", at.Add(time.Hour), fmt.Appendf(nil,
			`{"id":%d,"url":"https://acme.zendesk.com/api/v2/users/%d.json","name":"Person %d of many","email":"person%d@x.test","created_at":%q,`+
				`"updated_at":%q,"time_zone":"Berlin","iana_time_zone":"Europe/Berlin","phone":null,"shared_phone_number":null,"photo":null,"locale_id":1,"locale":"en-US",`+
				`"organization_id":null,"role":"end-user","verified":true,"external_id":%s,"tags":["vip"],"alias":"","active":true,"shared":false,"shared_agent":false,`+
				`"last_login_at":null,"two_factor_auth_enabled":null,"signature":null,"details":"","notes":"","role_type":null,"custom_role_id":null,"moderator":false,`+
				`"ticket_restriction":"requested","only_private_comments":false,"restricted_agent":true,"suspended":false,"default_group_id":null,"report_csv":false,`+
				`"user_fields":{"tier":"gold","seats":%d}}`, id, id, i, address, at.Format(time.RFC3339), at.Format(time.RFC3339), external, i%50))
	}
	return f.out
}
