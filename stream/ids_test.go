package stream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

func TestSentIDs(t *testing.T) {
	t.Parallel()
	var s sentIDs
	now := time.Now()
	s.add(map[string]bool{"a": true}, now)
	s.add(map[string]bool{}, now.Add(time.Millisecond))
	s.add(map[string]bool{"b": true}, now.Add(idsKept/2))
	for _, c := range []struct {
		id    string
		after time.Duration
		want  bool
	}{
		{"a", idsKept - 1, true}, {"a", idsKept, false}, {"b", idsKept, true}, {"b", idsKept * 3 / 2, false}, {"c", 0, false},
	} {
		if got := s.has(c.id, now.Add(c.after)); got != c.want {
			t.Errorf("%s after %s: %t", c.id, c.after, got)
		}
	}
	if s.add(map[string]bool{"c": true}, now.Add(idsKept)); len(s) != 2 {
		t.Errorf("%d batches are kept, want those of b and c", len(s))
	}
}

// reviser emits one activity again and again.
type reviser struct{ counter }

func (r *reviser) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	res, err := r.counter.Apply(events, state)
	for i := range res.Outputs {
		if res.Outputs[i].Table == schemas.TableActivities {
			res.Outputs[i].ID = "the same"
		}
	}
	return res, err
}

// TestRowsReplacedAtOnce has every event give a new version of one activity, each in a batch of its own right behind the one before. The
// server knows the id of each and must not be asked to store it again.
func TestRowsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, s, func() Processor { return &reviser{} }, acts, counts)
	var events []schemas.Event
	for i := range 20 {
		e := click("acme", "c", i, 1)
		publish(t, s, e)
		events = append(events, e)
		p := schemas.Partition("acme", s.Partitions())
		eventually(t, "the event is processed", func() bool {
			o, _, err := s.readOffset(t.Context(), p)
			return err == nil && o.Events == uint64(len(events))
		})
	}
	drain(t, s)
	checkExact(t, events, acts, counts)
	if n := counterValue(t, s.metrics.knownIDs); n != 0 {
		t.Errorf("%v commits were refused for their ids", n)
	}
}

// TestKnownID stores an id while a batch with the same one is under way, as a loop does that was killed the moment before. The batch is
// stored once the server has forgotten the id.
func TestKnownID(t *testing.T) {
	t.Parallel()
	var s *Stream
	event := click("acme", "c", 1, 1)
	s = open(t, holdFirst(t, func() {
		m := &nats.Msg{Subject: s.state(0, "other"), Header: nats.Header{headerMsgID: {event.ID}}, Data: []byte("x")}
		if _, err := s.store(t.Context(), m); err != nil {
			t.Error(err)
		}
	}))
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	publish(t, s, event)
	run(t, s, counters, acts, counts)
	drain(t, s)
	checkExact(t, []schemas.Event{event}, acts, counts)
	if n := counterValue(t, s.metrics.knownIDs); n == 0 {
		t.Error("the server did not know the id")
	}
}
