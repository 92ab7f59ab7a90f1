package stream

import (
	"strconv"
	"strings"
	"testing"

	"deskstream/schemas"
)

// TestJournal lets many rows change often and rarely with a small journal that is purged on the way: rows that rest get messages of their
// own, and a restart finds the newest version of each.
func TestJournal(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	var events []schemas.Event
	for round := range 3 {
		stop := run(t, s, counters, acts, counts)
		for step := range 4 {
			var some []schemas.Event
			for i := range 60 {
				n := round*240 + step*60 + i
				counter := "hot" + strconv.Itoa(i%4)
				if i%2 == 0 {
					counter = "cold" + strconv.Itoa(n)
				}
				some = append(some, click("acme", counter, n, uint64(n)))
			}
			publish(t, s, some...)
			events = append(events, some...)
			drain(t, s)
		}
		stop()
		if err := s.cleanJournal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	checkExact(t, events, acts, counts)
	checkState(t, s)

	p := schemas.Partition("acme", s.partitions)
	own, journal := 0, 0
	err := s.each(t.Context(), s.txn, s.state(p, ">"), 1, func(m storedMessage) error {
		if strings.HasSuffix(m.subject, journalKey) {
			journal += len(m.data)
		} else {
			own++
		}
		return nil
	})
	if err != nil || own < 300 {
		t.Fatalf("%d of 362 rows have messages of their own: %v", own, err)
	}
	if most := 2 * o.journal.bytes; journal > most {
		t.Fatalf("%d bytes are left in the journal, at most %d", journal, most)
	}
	rows := storedRows(t, s, p)
	if len(rows) != 362 || !strings.Contains(rows["c.hot1"], `"`+events[len(events)-3].ID+`"`) {
		t.Fatalf("%d rows, the last of hot1 is %.300q", len(rows), rows["c.hot1"])
	}
}

// TestJournalStaysSmall: where every event makes rows that were not there before, as many leave the journal as come into it.
func TestJournalStaysSmall(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	const n = 15000
	events := make([]schemas.Event, n)
	for i := range events {
		events[i] = click("acme", "cold"+strconv.Itoa(i), i, uint64(i))
	}
	publish(t, s, events...)
	stop := run(t, s, counters, acts, counts)
	drain(t, s)
	stop()
	p := schemas.Partition("acme", s.partitions)
	rec, _, err := s.readOffset(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	err = s.each(t.Context(), s.txn, s.state(p, journalKey), rec.Journal, func(m storedMessage) error {
		return readJournal(m.data, func(string, []byte) { rows++ })
	})
	if err != nil || rows > 2*maxEvents {
		t.Fatalf("%d rows are left in the journal: %v", rows, err)
	}
	if all := storedRows(t, s, p); len(all) != n {
		t.Fatalf("%d rows are stored, want %d", len(all), n)
	}
}

func TestTornJournal(t *testing.T) {
	t.Parallel()
	whole := journalRow(journalRow(nil, "a", []byte("one")), "b", nil)
	rows := map[string]string{}
	if err := readJournal(whole, func(key string, data []byte) { rows[key] = string(data) }); err != nil || len(rows) != 2 || rows["a"] != "one" {
		t.Fatal(rows, err)
	}
	for n := 1; n < len(whole); n++ {
		count := 0
		if err := readJournal(whole[:n], func(string, []byte) { count++ }); err == nil && count != 1 {
			t.Errorf("%d of %d bytes were read as %d rows", n, len(whole), count)
		}
	}
}
