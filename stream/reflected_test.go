package stream

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"deskstream/schemas"
)

// TestReflected: who waits for what they published finds it in the table afterwards; while nothing works on it, the wait ends with the caller's
// patience.
func TestReflected(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	if err := s.Reflected(t.Context(), "acme", schemas.TableActivityCounts); err != nil {
		t.Fatalf("nothing to wait for: %v", err)
	}
	publish(t, s, click("acme", "c", 1, 5))
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Reflected(short, "acme", schemas.TableActivityCounts); !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("nobody works: %v", err)
	}
	if n, err := s.Written(t.Context()); err != nil || n != 0 {
		t.Fatalf("written up to %d: %v", n, err)
	}
	counts := newTable(schemas.TableActivityCounts)
	run(t, s, counters, newTable(schemas.TableActivities), counts)
	for i := range 5 {
		publish(t, s, click("acme", "c", 2+i, 1))
		if err := s.Reflected(t.Context(), "acme", schemas.TableActivityCounts); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Written(t.Context()); err != nil || n == 0 {
			t.Fatalf("written up to %d: %v", n, err)
		}
		newest, err := s.Newest(t.Context())
		if last, _, lastErr := s.last(t.Context(), s.txn, s.outputs(schemas.TableActivityCounts)); err != nil || lastErr != nil || newest[schemas.TableActivityCounts] != last.seq {
			t.Fatalf("newest rows %v (%v), want %d (%v) of the counts", newest, err, last.seq, lastErr)
		}
		if _, ok := newest[schemas.TablePeople]; ok {
			t.Fatalf("people: %v", newest)
		}
		if got := counts.newest(t)["c"]; got != uint64(6+i) {
			t.Fatalf("%d is in the table, want %d", got, 6+i)
		}
	}
}

// TestPosition: what is stored counts as processed when it is, and as in the tables when the outputs then are written.
func TestPosition(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	if stored, processed, _, err := s.Position(t.Context(), "acme"); err != nil || stored != 0 || processed != 0 {
		t.Fatalf("nothing is stored: %d, %d: %v", stored, processed, err)
	}
	publish(t, s, click("acme", "c", 1, 5))
	if stored, processed, _, err := s.Position(t.Context(), "acme"); err != nil || stored == 0 || processed != 0 {
		t.Fatalf("nobody works: %d, %d: %v", stored, processed, err)
	}
	run(t, s, counters, newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts))
	drain(t, s)
	stored, processed, output, err := s.Position(t.Context(), "acme")
	written, writtenErr := s.Written(t.Context())
	if err != nil || writtenErr != nil || stored == 0 || processed != stored || output == 0 || written < output {
		t.Fatalf("stored %d, processed %d, output %d, written %d: %v, %v", stored, processed, output, written, err, writtenErr)
	}
}

// TestOutputs: the rows of a table between two positions come in order and with the version that they have in the table; when any may be gone
// from the stream, that is told.
func TestOutputs(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	counts := newTable(schemas.TableActivityCounts)
	run(t, s, counters, newTable(schemas.TableActivities), counts)
	var at []uint64
	for i := range 4 {
		publish(t, s, click("acme", "c", i, 1))
		drain(t, s)
		last, _, err := s.last(t.Context(), s.txn, s.outputs(schemas.TableActivityCounts))
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, last.seq)
	}
	consumers := func() int {
		t.Helper()
		i, err := s.info(t.Context(), s.txn)
		if err != nil {
			t.Fatal(err)
		}
		return i.State.Consumers
	}
	before := consumers()
	read := func(from, to uint64, most int) (seqs []uint64, all bool) {
		t.Helper()
		q := schemas.OutputQuery{Tables: []string{schemas.TableActivityCounts}, From: from, To: to}
		all, err := s.Outputs(t.Context(), q, func(m schemas.OutputMessage) (bool, error) {
			if m.Ver != schemas.RowVersion(1, m.Seq) || len(m.Data) == 0 || m.Table != schemas.TableActivityCounts {
				t.Errorf("%+v", m)
			}
			seqs = append(seqs, m.Seq)
			return len(seqs) < most, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return seqs, all
	}
	want := func(got []uint64, all bool, want ...uint64) {
		t.Helper()
		if !all || !slices.Equal(got, want) {
			t.Errorf("%v, all: %v; want %v", got, all, want)
		}
	}
	got, all := read(at[0], at[2], 10)
	want(got, all, at[1], at[2])
	got, all = read(at[0], at[3], 1)
	want(got, all, at[1])
	if _, all = read(at[0]-1, at[3], 10); all {
		t.Error("whether there was a row before the first one is not known")
	}
	if err := s.purge(t.Context(), s.txn, s.outputs(schemas.TableActivityCounts), at[2]); err != nil {
		t.Fatal(err)
	}
	got, all = read(at[2], at[3], 10)
	want(got, all, at[3])
	if _, all = read(at[1], at[3], 10); all {
		t.Error("a row was purged and nobody says so")
	}
	failed := errors.New("failed")
	q := schemas.OutputQuery{Tables: []string{schemas.TableActivityCounts, schemas.TableActivities}, Activities: []string{"none", "click"}, From: at[2], To: at[3]}
	seen := map[string]int{}
	if all, err := s.Outputs(t.Context(), q, func(m schemas.OutputMessage) (bool, error) { seen[m.Table]++; return true, nil }); err != nil || !all ||
		seen[schemas.TableActivities] != 1 || seen[schemas.TableActivityCounts] != 1 {
		t.Errorf("%v, all: %v, %v", seen, all, err)
	}
	if _, err := s.Outputs(t.Context(), q, func(schemas.OutputMessage) (bool, error) { return true, failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	if after := consumers(); after != before {
		t.Errorf("%d consumers are left of %d", after, before)
	}
}
