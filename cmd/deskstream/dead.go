package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"deskstream/schemas"
	"deskstream/stream"
)

type deadCmd struct {
	List  deadListCmd  `cmd:"" help:"List dead letters, oldest first."`
	Show  deadShowCmd  `cmd:"" help:"Show one with its event."`
	Retry deadRetryCmd `cmd:"" help:"Process one again, or all. One that fails again comes back; a replay then makes two of it."`
	Drop  deadDropCmd  `cmd:"" help:"Remove one, or all, until a replay: as long as an event is stored, that tries it again."`
}

type deadListCmd struct {
	BaseFlags
	Limit int    `default:"50" help:"How many at the most."`
	After uint64 `help:"Only those behind this SEQ."`
}

// Run lists the dead letters.
func (c *deadListCmd) Run(ctx context.Context, out *streams) error {
	if err := atLeastOne("limit", c.Limit); err != nil {
		return err
	}
	return c.withStream(ctx, out, func(s *stream.Stream) error {
		letters, next, err := s.DeadList(ctx, c.Limit, c.After)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "SEQ\tAT\tKIND\tACCOUNT\tCLASS\tREASON")
		for _, l := range letters {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", l.Seq, l.At.UTC().Format(time.RFC3339), l.Event.Kind, l.Event.Account, l.Class, l.Reason)
		}
		if next != 0 {
			defer fmt.Fprintf(out.err, "there are more: go on with --after %d\n", next)
		}
		return w.Flush()
	})
}

// withStream lends the open stream of a pipeline that there is to use.
func (f *BaseFlags) withStream(ctx context.Context, out *streams, use func(*stream.Stream) error) error {
	if err := f.wantData(natsFolder); err != nil {
		return err
	}
	s, done, err := openStream(ctx, f, f.logger(out))
	if err == nil {
		defer done()
		err = use(s)
	}
	return unfinished(ctx, err, "start it again")
}

type deadShowCmd struct {
	BaseFlags
	Seq uint64 `arg:"" help:"SEQ of dead list."`
}

// Run prints one dead letter with its event as it came.
func (c *deadShowCmd) Run(ctx context.Context, out *streams) error {
	return c.withStream(ctx, out, func(s *stream.Stream) error {
		l, err := s.DeadShow(ctx, c.Seq)
		if err != nil {
			return err
		}
		e := json.NewEncoder(out.out)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{
			"seq": l.Seq, "at": l.At, "class": l.Class, "reason": l.Reason, "id": l.Event.ID, "kind": l.Event.Kind,
			"source": l.Event.Source, "account": l.Event.Account, "via": l.Event.Via, "received_at": l.Event.ReceivedAt, "data": string(l.Event.Data),
		})
	})
}

type deadRetryCmd struct {
	BaseFlags
	Seq *uint64 `arg:"" optional:"" help:"SEQ of dead list."`
	All bool    `help:"Every dead letter there is now."`
}

// Run publishes dead letters again. What can be used is a fact, and makes the same of the tables however often it is stored; what fails again is
// stored twice from then on, so a replay makes two letters of it.
func (c *deadRetryCmd) Run(ctx context.Context, out *streams) error {
	return c.withStream(ctx, out, func(s *stream.Stream) error {
		return eachLetter(ctx, s, c.Seq, c.All, out, "retried", s.DeadRetry)
	})
}

type deadDropCmd struct {
	BaseFlags
	Seq *uint64 `arg:"" optional:"" help:"SEQ of dead list."`
	All bool    `help:"Every dead letter there is now."`
}

// Run removes dead letters.
func (c *deadDropCmd) Run(ctx context.Context, out *streams) error {
	return c.withStream(ctx, out, func(s *stream.Stream) error {
		return eachLetter(ctx, s, c.Seq, c.All, out, "dropped", s.DeadDrop)
	})
}

// eachLetter does something to one dead letter or to all. Of all, those that another program has taken meanwhile are passed by.
func eachLetter(ctx context.Context, s *stream.Stream, seq *uint64, all bool, out *streams, done string, f func(context.Context, uint64) error) error {
	if (seq == nil) != all {
		return &settingError{"all", fmt.Sprint(all), "either one SEQ or --all"}
	}
	if !all {
		if err := f(ctx, *seq); err != nil {
			return err
		}
		fmt.Fprintln(out.out, 1, done)
		return nil
	}
	seqs, err := letterSeqs(ctx, s)
	if err != nil {
		return err
	}
	n, taken := 0, 0
	for _, q := range seqs {
		switch err := f(ctx, q); {
		case err == nil:
			n++
		case errors.Is(err, schemas.ErrNotFound):
			taken++
		default:
			soFar := fmt.Sprintf("%d of %d %s", n, len(seqs), done)
			return unfinished(ctx, fmt.Errorf("%s, then: %w", soFar, err), soFar+"; start it again for the others")
		}
	}
	fmt.Fprintln(out.out, n, done)
	if taken > 0 {
		fmt.Fprintln(out.err, taken, "were taken by another program meanwhile")
	}
	return nil
}

// letterSeqs lists what there is before anything is changed, so that a letter that comes back at once is not met twice.
func letterSeqs(ctx context.Context, s *stream.Stream) ([]uint64, error) {
	var seqs []uint64
	for after := uint64(0); ; {
		letters, next, err := s.DeadList(ctx, 500, after)
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			seqs = append(seqs, l.Seq)
		}
		if next == 0 {
			return seqs, nil
		}
		after = next
	}
}
