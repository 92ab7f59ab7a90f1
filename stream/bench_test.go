package stream

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/schemas"
)

// benchEvent has the size of a ticket webhook.
func benchEvent(i int) schemas.Event {
	return schemas.Event{
		ID: "zd:acme:audit:" + strconv.Itoa(i), Kind: schemas.KindAudit, Source: "src_1", Account: "acme" + strconv.Itoa(i%16), Via: "webhook",
		ReceivedAt: time.Now().UTC(), Data: fmt.Appendf(nil, `{"c":"c%d","n":1,"pad":"%02000d"}`, i%5000, i),
	}
}

func benchStream(b *testing.B) *Stream {
	b.Helper()
	_, o := testOptions(b)
	o.Partitions, o.MaxBytesEvents, o.MaxBytesTxn = 2, 500<<20, 400<<20
	return open(b, o)
}

// BenchmarkPublish measures acknowledged single publishes of 2 KB by a number of callers at once.
func BenchmarkPublish(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			s := benchStream(b)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := s.Publish(b.Context(), benchEvent(int(i))); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPublishPage measures pages of 999 events with their cursor.
func BenchmarkPublishPage(b *testing.B) {
	s := benchStream(b)
	cur := schemas.Cursor{Resource: "tickets"}
	b.ResetTimer()
	for i := 0; i < b.N; i += 999 {
		page := make([]schemas.Event, 0, 999)
		for j := range min(999, b.N-i) {
			page = append(page, benchEvent(i+j))
		}
		var err error
		if cur, err = s.PublishPage(b.Context(), source("src_1"), cur, page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkProcess measures a loop per partition that writes a state row of 60 bytes for each of 5,000 counters and an activity per
// event; the whole chain from the raw stream to the commit. Stored is the same with a sink behind it.
func BenchmarkProcess(b *testing.B) {
	for _, sunk := range []bool{false, true} {
		b.Run(map[bool]string{false: "Committed", true: "Stored"}[sunk], func(b *testing.B) {
			s := benchStream(b)
			for i := 0; i < b.N; i += 500 {
				var batch []schemas.Event
				for j := i; j < min(i+500, b.N); j++ {
					batch = append(batch, benchEvent(j))
				}
				if err := s.Publish(b.Context(), batch...); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			var sinks []Sink
			if sunk {
				sinks = []Sink{&blocks{}}
			}
			stop := run(b, s, func() Processor { return benchProcessor{} }, sinks...)
			for {
				processed, total, unsunk, err := s.Progress(b.Context())
				if err == nil && processed == total && (!sunk || unsunk == 0) {
					break
				}
				time.Sleep(2 * time.Millisecond)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.StopTimer()
			stop()
		})
	}
}

// benchProcessor does little itself: one row and one activity per event.
type benchProcessor struct{}

func (benchProcessor) Keys(events []schemas.Event, _ schemas.State) []string {
	keys := make([]string, len(events))
	for i, e := range events {
		keys[i] = "c." + e.ID[len(e.ID)-3:]
	}
	return keys
}

func (benchProcessor) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	res := schemas.Result{State: map[string]*schemas.StateRow{}}
	for _, e := range events {
		key := "c." + e.ID[len(e.ID)-3:]
		n := len(state[key].Data)
		res.State[key] = &schemas.StateRow{Data: fmt.Appendf(nil, `{"n":"%050d"}`, n)}
		res.Outputs = append(res.Outputs, schemas.Output{
			Table: schemas.TableActivities, Subject: schemas.SubjectActivity(e.Account, "click"), ID: e.ID, Data: e.Data[:400],
		})
	}
	return res, nil
}
