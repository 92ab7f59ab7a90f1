package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"deskstream/schemas"
)

const (
	// turnSetting is the setting that says whose turn it is.
	turnSetting = "turn"
	// turnPatience is how long a holder that nobody hears of may be connecting anew, looked at every turnLook.
	turnPatience = 2 * time.Second
	turnLook     = 100 * time.Millisecond
)

// Turn is the right of one program of the installation at a time to work beside the live pipeline: on the streams of a namespace and on what
// they filled. It is a record that is set by compare-and-set and counts as long as its holder answers: who is killed answers no more.
type Turn struct {
	s   *Stream
	id  string
	sub *nats.Subscription
}

// BusyError says who has the turn.
type BusyError struct{ What string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another program (%s) is running on this installation: start again when it has ended", e.What)
}

// Unwrap gives the class.
func (e *BusyError) Unwrap() error { return schemas.ErrConflict }

// turnRecord is the value of the setting; nobody has the turn without a holder.
type turnRecord struct {
	Holder string `json:"holder,omitempty"`
	What   string `json:"what,omitempty"`
}

// TakeTurn takes the turn for what a program does, or refuses with *BusyError while another one has it, and with schemas.ErrNotFound where there are
// no streams. The caller must call End, while the connection is still open.
func TakeTurn(ctx context.Context, o Options, what string) (*Turn, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.events); err != nil {
		return nil, err
	}
	if !b.held[s.events].found {
		return nil, fmt.Errorf("stream %s: %w: there are no stored events", s.events, schemas.ErrNotFound)
	}
	t := &Turn{s: s, id: nuid.Next()}
	// Before the record names it, so that a record whose holder does not answer is one of a program that is gone.
	if t.sub, err = s.answer(ctx, turnSubject(t.id)); err != nil {
		return nil, err
	}
	for {
		err := t.take(ctx, what)
		switch {
		case err == nil:
			return t, nil
		case !errors.Is(err, schemas.ErrFenced): // else somebody was faster
			_ = t.sub.Unsubscribe()
			return nil, err
		}
	}
}

func turnSubject(holder string) string { return "deskstream.turn." + holder }

func (t *Turn) take(ctx context.Context, what string) error {
	v, r, err := t.read(ctx)
	if err != nil {
		return err
	}
	if r.Holder != "" {
		lives, err := t.lives(ctx, r.Holder)
		if err == nil && lives {
			err = &BusyError{r.What}
		}
		if err != nil {
			return err
		}
	}
	return t.write(ctx, v, turnRecord{t.id, what})
}

// lives asks a holder whether it is there.
func (t *Turn) lives(ctx context.Context, holder string) (bool, error) {
	for until := time.Now().Add(turnPatience); ; {
		there, err := t.s.answered(ctx, turnSubject(holder))
		if there || err != nil || time.Now().After(until) {
			return there, err
		}
		if err := schemas.Wait(ctx, turnLook); err != nil {
			return false, err
		}
	}
}

func (t *Turn) read(ctx context.Context) (v schemas.Setting, r turnRecord, err error) {
	if v, err = t.s.Setting(ctx, turnSetting); err != nil || len(v.Value) == 0 {
		return v, r, err
	}
	if err = json.Unmarshal(v.Value, &r); err != nil {
		err = fmt.Errorf("setting %s: %w", turnSetting, err)
	}
	return v, r, err
}

func (t *Turn) write(ctx context.Context, v schemas.Setting, r turnRecord) (err error) {
	if v.Value, err = json.Marshal(r); err != nil {
		return fmt.Errorf("setting %s: %w", turnSetting, err)
	}
	return t.s.PutSetting(ctx, &v)
}

// Held returns an error when the turn went to somebody else, which happens only when this program could not be heard for some time.
func (t *Turn) Held(ctx context.Context) error {
	_, r, err := t.read(ctx)
	if err == nil && r.Holder != t.id {
		err = &BusyError{r.What}
	}
	return err
}

// End gives the turn back.
func (t *Turn) End() {
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	if v, r, err := t.read(ctx); err == nil && r.Holder == t.id {
		_ = t.write(ctx, v, turnRecord{}) // else it ends with the answers
	}
	_ = t.sub.Unsubscribe()
}
