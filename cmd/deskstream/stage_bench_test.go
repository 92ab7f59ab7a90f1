package main

import (
	"os"
	"runtime"
	"testing"
	"time"

	"deskstream/processors"
	"deskstream/schemas"
)

// stageBatch is the number of events of a full batch.
const stageBatch = 3000

// BenchmarkProcessor is the processors' part of BenchmarkReplay alone: the same webhooks through Decode, Keys and Apply, in full batches, with
// the state kept in memory between them as the loop keeps it. An operation is all of the events; the metrics are for one of them.
func BenchmarkProcessor(b *testing.B) {
	n := scale(b, 200000)
	var spent time.Duration
	var before, after runtime.MemStats
	var bytes, allocs uint64
	outputs := 0
	for b.Loop() {
		b.StopTimer()
		events := loadEvents(n, "src")
		p, rows := processors.New(), schemas.State{}
		runtime.ReadMemStats(&before)
		began := cpu(os.Getpid())
		b.StartTimer()
		for len(events) > 0 {
			batch := events[:min(stageBatch, len(events))]
			events = events[len(batch):]
			outputs += stage(b, p, batch, rows)
			clear(batch) // the loop lets go of them, too
		}
		spent += cpu(os.Getpid()) - began
		runtime.ReadMemStats(&after)
		bytes, allocs = bytes+after.TotalAlloc-before.TotalAlloc, allocs+after.Mallocs-before.Mallocs
	}
	total := float64(b.N * n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/ev")
	b.ReportMetric(float64(spent.Nanoseconds())/total, "cpu-ns/ev")
	b.ReportMetric(float64(bytes)/total, "B/ev")
	b.ReportMetric(float64(allocs)/total, "allocs/ev")
	b.ReportMetric(float64(outputs)/total, "rows/ev")
}

// stage takes a batch through the processor and gives the number of rows that come out. rows holds all the state there is.
func stage(b *testing.B, p *processors.Processor, batch []schemas.Event, rows schemas.State) int {
	b.Helper()
	for i := range batch {
		p.Decode(&batch[i])
	}
	state := schemas.State{}
	for keys := p.Keys(batch, state); len(keys) > 0; keys = p.Keys(batch, state) {
		for _, key := range keys {
			row := rows[key]
			if row == nil {
				row = &schemas.StateRow{}
				rows[key] = row
			}
			state[key] = row
		}
	}
	result, err := p.Apply(batch, state)
	if err != nil {
		b.Fatal(err)
	}
	for key, row := range result.State {
		rows[key] = row
	}
	return len(result.Outputs)
}
