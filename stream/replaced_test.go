package stream

import (
	"strconv"
	"testing"

	"deskstream/schemas"
)

// TestReplacedRowsAreRemoved: rows that leave the journal again and again leave their older messages behind without the server looking for them,
// and these are removed when there is little to do, those of an earlier life of the loop too.
func TestReplacedRowsAreRemoved(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.Rows = t.TempDir()
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	p := schemas.Partition("acme", s.partitions)
	tellers := func() Processor { return &teller{} }
	var events []schemas.Event
	publish := func(rounds int) {
		t.Helper()
		for range rounds {
			var some []schemas.Event
			for i := range 60 {
				some = append(some, click("acme", "c"+strconv.Itoa(i), len(events)+i, uint64(i)))
			}
			publish(t, s, some...)
			events = append(events, some...)
			drain(t, s)
		}
	}
	for life := range 3 {
		stop := run(t, s, tellers, acts, counts)
		publish(3)
		if life == 2 { // which stores all rows anew, behind the back of the loop
			if _, err := s.Scrub(t.Context(), func([]byte) bool { return false }); err != nil {
				t.Fatal(err)
			}
			publish(3)
		}
		if life == 0 { // later ones move rows before they know where the older messages are
			ownMessages(t, s, p, func(_ int, rolled bool) bool {
				if rolled {
					t.Error("a row replaced the one before at once")
				}
				return true
			})
		}
		if life > 0 { // the first one leaves what it has not removed to them
			eventually(t, "one message of each row is left", func() bool {
				return ownMessages(t, s, p, func(n int, _ bool) bool { return n == 1 })
			})
		}
		stop()
	}
	checkExact(t, events, acts, counts)
	checkState(t, s)
}

// TestReplacedRowsAreBounded: while too many of them wait, a row takes the place of the one before at once.
func TestReplacedRowsAreBounded(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	file, err := newRowFile(t.TempDir(), []string{"*"}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	defer file.close()
	l := &loop{s: s, file: file, replaced: replacedRows{most: replacedBytes(8000)}}
	l.keep(map[string]*journalled{"a": {key: "a", loadedRow: cold([]byte("one")), before: 1}}, 10)
	again := func() bool { return l.own(&journalled{key: "a", own: true}).Header.Get(headerRollup) != "" }
	for _, step := range []struct {
		bytes      int
		many, full bool
	}{{200, false, false}, {100, true, false}, {800, true, true}} {
		l.replaced.add([]replacedRow{{uint64(step.bytes), step.bytes}})
		if l.replaced.many() != step.many || l.replaced.full() != step.full || again() != step.full {
			t.Fatalf("%d bytes of %d: many %t, full %t, replaces at once %t", l.replaced.bytes, l.replaced.most, l.replaced.many(), l.replaced.full(), again())
		}
	}
	if l.replaced.removed(l.replaced.take()); l.replaced.bytes != 0 || l.replaced.full() {
		t.Fatalf("%d bytes are left of none", l.replaced.bytes)
	}
}

// ownMessages asks of each row that has messages of its own how many they are, and whether the newest replaced others at once; whether all answers are
// true is what it gives.
func ownMessages(t *testing.T, s *Stream, partition int, ask func(n int, rolled bool) bool) bool {
	t.Helper()
	type own struct {
		n      int
		rolled bool
	}
	rows := map[string]own{}
	err := s.each(t.Context(), s.txn, s.state(partition, "c.>"), 1, func(m storedMessage) error {
		rows[m.subject] = own{rows[m.subject].n + 1, m.header.Get(headerRollup) != ""}
		return nil
	})
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	all := true
	for _, r := range rows {
		all = ask(r.n, r.rolled) && all
	}
	return all
}
