package stream

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"deskstream/schemas"
)

// teller is a counter that tells of its counters as if they were people or tickets.
type teller struct{ counter }

func (*teller) TellKeys() []string { return []string{"c.*"} }

func (t *teller) Ticket(account string, id int64, state schemas.State) (*schemas.TicketRow, []string, error) {
	facts, missing, err := t.Person(account, strconv.FormatInt(id, 10), nil, state)
	if facts == nil {
		return nil, missing, err
	}
	return &schemas.TicketRow{Account: account, TicketID: id, Solves: facts.Stats[0].TicketsTotal}, missing, err
}

func (*teller) Remains(string, int64, schemas.State) (*schemas.Remains, []string, error) {
	return nil, nil, schemas.ErrUnavailable
}

func (*teller) Person(account, name string, _ []string, state schemas.State) (*schemas.PersonFacts, []string, error) {
	row := state["c."+name]
	switch {
	case name == "panic":
		panic("no such thing")
	case row == nil:
		return nil, []string{"c." + name}, nil
	case row.Data == nil:
		return nil, nil, nil
	}
	var t tallied
	err := json.Unmarshal(row.Data, &t)
	return &schemas.PersonFacts{Person: schemas.PersonRow{Account: account, PersonID: name}, Stats: []schemas.PersonStats{{TicketsTotal: int64(t.Sum)}}}, nil, err
}

// TestPersonIsTheNewest: while rows change, come into the journal and leave it, what is told of each is at least what was committed
// before the question, wherever the row is then.
func TestPersonIsTheNewest(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.Rows = t.TempDir()
	s := open(t, o)
	if _, err := s.Person(t.Context(), "acme", "hot"); !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("told of somebody while no loop runs: %v", err)
	}
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	stop := run(t, s, func() Processor { return &teller{} }, acts, counts)
	partition := schemas.Partition("acme", s.partitions)
	told := func(name string) int64 {
		t.Helper()
		var facts *schemas.PersonFacts
		eventually(t, "the loop answers", func() (ok bool) {
			var err error
			facts, err = s.Person(t.Context(), "acme", name)
			return err == nil
		})
		if facts == nil {
			return -1
		}
		return facts.Stats[0].TicketsTotal
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() { // so that the journal moves all the time
		for i := 0; ctx.Err() == nil; i++ {
			if err := store(ctx, s, click("acme", "cold"+strconv.Itoa(i), i, 1)); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	publish(t, s, click("acme", "rests", 0, 1))
	for i := range int64(40) {
		publish(t, s, click("acme", "hot", int(i), 1))
		newest, _, err := s.last(t.Context(), s.events, schemas.SubjectRaw(partition))
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is processed", func() bool {
			o, _, err := s.readOffset(t.Context(), partition)
			return err == nil && o.through(newest.seq)
		})
		if n := told("hot"); n != i+1 {
			t.Fatalf("%d clicks are told of after %d", n, i+1)
		}
		if n := told("rests"); n != 1 {
			t.Fatalf("%d clicks are told of one that rests", n)
		}
	}
	if n := told("nobody"); n != -1 {
		t.Fatalf("%d clicks are told of nobody", n)
	}
	if row, err := s.Ticket(t.Context(), "acme", 7); row != nil || err != nil {
		t.Fatalf("%v, %v are told of no ticket", row, err)
	}
	publish(t, s, click("acme", "7", 0, 3))
	eventually(t, "the ticket is told of", func() bool {
		row, err := s.Ticket(t.Context(), "acme", 7)
		return err == nil && row != nil && row.Solves == 3
	})
	if _, err := s.Person(t.Context(), "acme", "panic"); !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("a panic was answered with %v", err)
	}
	cancel()
	others.Wait()
	drain(t, s)

	stop()
	if err := s.ResetForReplay(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	run(t, s, func() Processor { return &teller{} }, acts, counts)
	if n := told("hot"); n != 40 { // while the replay is under way nothing is told
		t.Fatalf("%d clicks are told of in a replay", n)
	}
}
