package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"deskstream/schemas"
)

// loss is how many messages of a filter are gone although nobody removed them.
type loss struct {
	stream, filter string
	n              uint64
}

// losses compares a ledger with what there is, in the order of streams and filters. It looks only at tallies that which names.
func (s *Stream) losses(ctx context.Context, read func(context.Context) (map[string]tally, error), which func(filter string, t tally) bool) ([]loss, error) {
	l, err := read(ctx)
	if err != nil {
		return nil, err
	}
	var all []loss
	for _, filter := range slices.Sorted(maps.Keys(l)) {
		t := l[filter]
		if !which(filter, t) {
			continue
		}
		n, err := s.gone(ctx, read, filter, t)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			all = append(all, loss{t.Stream, filter, n})
		}
	}
	slices.SortStableFunc(all, func(a, b loss) int { return strings.Compare(a.stream, b.stream) })
	return all, nil
}

// gone counts what is missing of a tally; one that changes meanwhile, for instance by a purge, is looked at again.
func (s *Stream) gone(ctx context.Context, read func(context.Context) (map[string]tally, error), filter string, t tally) (uint64, error) {
	for {
		n, err := s.missing(ctx, filter, t)
		if err != nil || n == 0 {
			return 0, err
		}
		l, err := read(ctx)
		if err != nil {
			return 0, err
		}
		if l[filter] == t {
			return n, nil
		}
		t = l[filter]
		if t.Stream == "" { // forgotten
			return 0, nil
		}
	}
}

// gaps reports messages that are gone although nobody removed them, a *schemas.Problem of class ErrConflict ("messages-lost") for each stream.
func (s *Stream) gaps(ctx context.Context) error {
	all, err := s.losses(ctx, s.readLedger, func(string, tally) bool { return true })
	if err != nil {
		return err
	}
	total := uint64(0)
	for _, l := range all {
		total += l.n
	}
	s.metrics.gaps.Set(float64(total))
	err = gapsOf(all)
	s.told.once(err, func() {
		s.o.Log.Error().Err(err).Uint64("messages", total).Msg("messages are missing from the streams")
	})
	return err
}

// Whole is nil when no raw event is missing, but for those that were purged; otherwise a *schemas.Problem of class ErrConflict ("messages-lost"):
// what would be made again from those that are left lacks what was made of the others.
func (s *Stream) Whole(ctx context.Context) error {
	all, err := s.losses(ctx, s.liveLedger, isRaw)
	if err != nil {
		return err
	}
	return gapsOf(all)
}

func isRaw(filter string, _ tally) bool {
	return strings.HasPrefix(filter, strings.TrimSuffix(rawSubjects, "*"))
}

// gapsOf makes one error for each stream of losses in the order of streams.
func gapsOf(all []loss) error {
	var errs []error
	for len(all) > 0 {
		name, parts := all[0].stream, []string(nil)
		for len(all) > 0 && all[0].stream == name {
			parts, all = append(parts, fmt.Sprintf("%d of %s", all[0].n, all[0].filter)), all[1:]
		}
		errs = append(errs, gap(name, strings.Join(parts, ", ")))
	}
	return errors.Join(errs...)
}

func gap(name, what string) error {
	rest := "run `deskstream replay`, which makes state and outputs again from the raw events"
	if name == schemas.StreamEvents {
		rest = "run `deskstream replay --rebuild` to go on with what is left: state and tables stay as they are; then connect the sources that are missing " +
			"again, resync the others with mode backfill, make API keys that are missing, and erase again who was erased"
	}
	return &schemas.Problem{
		Class: schemas.ErrConflict, Code: "messages-lost",
		Detail: fmt.Sprintf("messages of stream %s are gone that nobody removed: %s. Files of the message store were damaged or removed. "+
			"Stop the program; then either restore the data folder of NATS from a backup, or %s", name, what, rest),
	}
}

// lastTold remembers what was said last. It is safe for concurrent use.
type lastTold struct {
	mu   sync.Mutex
	last string
}

// once calls say when an error is another one than the last.
func (t *lastTold) once(err error, say func()) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if text != "" && text != t.last {
		say()
	}
	t.last = text
}
