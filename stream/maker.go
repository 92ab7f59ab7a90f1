package stream

import (
	"context"
	"errors"
	"time"

	"deskstream/schemas"
)

// makerLook is how often a program that waits for another one to make the streams looks whether it has.
const makerLook = 50 * time.Millisecond

// errYields says that a stream is to be made or changed, which is for the program that made EVENTS as long as it lives. Programs that start together would
// otherwise all change the same configurations, each from what it has read before the others wrote.
var errYields = errors.New("stream: left to the program that made it")

// build creates and changes what is needed, and answers while it does when this program makes EVENTS.
func (b *boot) build(ctx context.Context) error {
	defer func() {
		if b.answers != nil {
			_ = b.answers.Unsubscribe()
		}
	}()
	return b.create(ctx)
}

// begin prepares the creation of a stream. This program answers before there is an EVENTS of its making that others find.
func (b *boot) begin(ctx context.Context, name, epoch string) (err error) {
	switch {
	case !b.yields:
	case name == b.s.events:
		b.answers, err = b.s.answer(ctx, makerSubject(epoch))
	default:
		err = errYields
	}
	return err
}

// makerLives says whether the program that made EVENTS is still at it, after some time when it is.
func (b *boot) makerLives(ctx context.Context) (bool, error) {
	lives, err := b.s.answered(ctx, makerSubject(b.held[b.s.events].meta(metaEpoch)))
	if lives {
		err = schemas.Wait(ctx, makerLook)
	}
	return lives, err
}

func makerSubject(epoch string) string { return "deskstream.maker." + epoch }
