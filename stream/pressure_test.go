package stream

import (
	"testing"
	"time"
)

func TestPressureStretchesPausesWhileManyWait(t *testing.T) {
	var p publisher
	load := func(waiting int64, times int) {
		p.waiting.Store(waiting)
		for range times {
			p.press.note(waiting)
		}
	}
	for _, c := range []struct {
		name    string
		waiting int64
		times   int
		want    int
	}{
		{"a steady load", 40, 5000, 1},
		{"a short stall", 200, 32, 1},
		{"a steady load again", 40, 5000, 1},
		{"more senders than are stored one by one", 140, 5000, 3},
		{"hundreds of senders", 512, 5000, mostStretch},
		{"nobody any more", 0, 0, 1},
	} {
		load(c.waiting, c.times)
		if got := p.stretch(); got != c.want {
			t.Errorf("%s: pauses are stretched %d times, want %d", c.name, got, c.want)
		}
		pause := time.Hour
		if c.want > 1 {
			pause = pressedNap
		}
		if got := p.nap(time.Hour); got != pause {
			t.Errorf("%s: it is looked again after %s, want %s", c.name, got, pause)
		}
	}
}
