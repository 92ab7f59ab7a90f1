package stream

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"deskstream/schemas"
)

// holdFirst gives the options of a stream whose first commit of a processor waits inside for fn.
func holdFirst(t *testing.T, fn func()) Options {
	t.Helper()
	_, o := testOptions(t)
	var once sync.Once
	o.Crash = func(at string) {
		if at == "process.staged" {
			once.Do(fn)
		}
	}
	return o
}

// TestWorksWhileCommitting holds the first commit until the processor has panicked over the batch behind it, so that this batch was
// begun on rows that are not stored yet, has spoiled them in memory, and is tried again in parts.
func TestWorksWhileCommitting(t *testing.T) {
	t.Parallel()
	held, panicked := make(chan struct{}), make(chan struct{})
	s := open(t, holdFirst(t, func() {
		close(held)
		select {
		case <-panicked:
		case <-time.After(budget / 2):
			t.Error("the next batch waits for the commit")
		}
	}))
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	var events []schemas.Event
	for i := range 4 * maxEvents {
		events = append(events, click("acme", "c"+strconv.Itoa(i%10), i, uint64(i)))
	}
	publish(t, s, events...)
	var once sync.Once
	run(t, s, func() Processor { return &panicker{held: held, panicked: panicked, once: &once} }, acts, counts)
	drain(t, s)
	checkExact(t, events, acts, counts)
	checkState(t, s)
	if n := counterValue(t, s.metrics.fenced.WithLabelValues("process")); n != 0 || len(deadLetters(t, s)) != 0 {
		t.Fatalf("%v commits were fenced, %d dead letters", n, len(deadLetters(t, s)))
	}
}

// panicker panics once, when the work on its second batch is done and the commit of the first is held.
type panicker struct {
	counter
	held, panicked chan struct{}
	once           *sync.Once
}

func (p *panicker) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	res, err := p.counter.Apply(events, state)
	if p.calls > 1 {
		<-p.held
		p.once.Do(func() {
			close(p.panicked)
			panic("once")
		})
	}
	return res, err
}

// TestFailedCommitIsNoticed lets a commit be fenced off while there is nothing else to do: the loop starts again at once.
func TestFailedCommitIsNoticed(t *testing.T) {
	t.Parallel()
	p := schemas.Partition("acme", 2)
	var s *Stream
	s = open(t, holdFirst(t, func() {
		if _, err := s.store(t.Context(), rolled(s.offset(p), []byte(`{"gen":1}`))); err != nil {
			t.Error(err)
		}
	}))
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := []schemas.Event{click("acme", "c", 1, 1), click("acme", "c", 2, 1)}
	publish(t, s, events...)
	begun := time.Now()
	run(t, s, counters, acts, counts)
	drain(t, s)
	if took := time.Since(begun); took > watchdog/2 {
		t.Errorf("it took %s", took)
	}
	checkExact(t, events, acts, counts)
	if n := counterValue(t, s.metrics.fenced.WithLabelValues("process")); n != 1 {
		t.Fatalf("%v commits were fenced, want 1", n)
	}
}
