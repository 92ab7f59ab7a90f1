package stream

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// pressedFrom is the mean number of waiting publishers above which the rest of the pipeline leaves them the disk. It is far above what
	// waits at a steady load that the disk can just take: there rows should be seen soon. Each pressedStep more make the pauses longer by
	// as much as they are, up to mostStretch times.
	pressedFrom, pressedStep = 64, 32
	mostStretch              = 5
	// pressureWeight is how much one publisher changes the mean: a short stall of the disk must not count as load.
	pressureWeight = 1.0 / 256
	// pressedNap is how long a stretched pause may last before it is looked whether anybody still waits.
	pressedNap = 50 * time.Millisecond
)

// pressure is the mean number of publishers that wait for the disk, over the last hundreds of them. Where many wait each commit and each
// insert behind them holds them up, because it syncs files too: fewer and larger ones let more events in.
type pressure struct{ mean atomic.Uint64 } // bits of a float64

// note counts a publisher that comes while so many wait, itself included. A lost update does no harm.
func (p *pressure) note(waiting int64) {
	mean := math.Float64frombits(p.mean.Load())
	p.mean.Store(math.Float64bits(mean + (float64(waiting)-mean)*pressureWeight))
}

// stretch is how many times as long as usual a pause lasts.
func (p *pressure) stretch() int {
	over := math.Float64frombits(p.mean.Load()) - pressedFrom
	return max(1, min(mostStretch, 1+int(over/pressedStep)))
}

// stretch is how many times as long as usual processors and sinks of this process wait for more before they write: once when nobody waits
// to publish.
func (p *publisher) stretch() int {
	if p.waiting.Load() == 0 {
		return 1
	}
	return p.press.stretch()
}

// stretched is how long a pause lasts that usually lasts so long.
func (p *publisher) stretched(pause time.Duration) time.Duration {
	return time.Duration(p.stretch()) * pause
}

// nap is how much of a pause may pass before it has to be worked out anew.
func (p *publisher) nap(pause time.Duration) time.Duration {
	if p.stretch() > 1 {
		return min(pause, pressedNap)
	}
	return pause
}
