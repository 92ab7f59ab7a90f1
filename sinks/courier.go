package sinks

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/time/rate"

	"deskstream/schemas"
)

const (
	longestWait = 10 * time.Minute // between two attempts
	giveUpAfter = 24 * time.Hour
	// replaySlack is how far the times of entries may be out of their order in the stream.
	replaySlack = 5 * time.Minute
	// mostRecent is how many entries within that time are known one by one: they stand in a record that is stored with each post.
	mostRecent = 200
	// passOver is how many entries that are not to be posted are passed over before the position is stored.
	passOver = 1000
	// recordTime bounds the storing of an answer, which goes on when the program stops.
	recordTime = 5 * time.Second
)

// courier posts the entries of one audience, one at a time.
type courier struct {
	*Deliveries
	audience string
	deliver  schemas.Deliver
	limit    *rate.Limiter
}

func newCourier(d *Deliveries, audience string, deliver schemas.Deliver) *courier {
	return &courier{d, audience, deliver, rate.NewLimiter(rate.Limit(deliver.Rate), 1)}
}

func (c *courier) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := c.step(ctx)
		if errors.Is(err, schemas.ErrFenced) {
			continue // a retry was asked for meanwhile
		}
		if err != nil && ctx.Err() == nil {
			c.Log.Warn().Err(err).Str("audience", c.audience).Msg("deliveries are held up, will try again")
			wait = c.Look
		}
		if wait > 0 {
			_ = schemas.Wait(ctx, wait)
		}
	}
}

// step posts at most one entry and says how long to wait before the next step.
func (c *courier) step(ctx context.Context) (time.Duration, error) {
	at, err := c.position(ctx)
	if err != nil {
		return 0, err
	}
	if len(at.Retry) > 0 {
		return 0, c.again(ctx, at.Retry[0])
	}
	if wait := at.NextAttemptAt.Sub(c.Now()); wait > 0 {
		return min(wait, c.Look), nil
	}
	e, found, err := c.next(ctx, &at)
	if err != nil {
		return 0, err
	}
	if !found {
		return c.Look, nil
	}
	if c.hopeless(&at, &e) {
		return 0, c.conclude(ctx, &at, &e, outcome{reason: "the target failed for 24 h, at last: " + at.LastError, final: true, untried: true})
	}
	o, err := c.send(ctx, &e.AudienceEntry)
	if err != nil {
		return 0, err
	}
	return 0, c.conclude(ctx, &at, &e, o)
}

// position reads how far the audience is posted, and readies it for this target.
func (c *courier) position(ctx context.Context) (schemas.Delivery, error) {
	at, err := c.Store.Delivery(ctx, c.audience)
	if err != nil || at.Revision != 0 && !at.Ended && at.Target.Equal(c.deliver.ChangedAt) {
		return at, err
	}
	at.Ended, at.Target = false, c.deliver.ChangedAt
	recovered(&at)
	return at, c.Store.PutDelivery(ctx, &at)
}

// recovered forgets the failures: the target answers, or it is another one.
func recovered(at *schemas.Delivery) {
	at.Attempts, at.FailingSince, at.NextAttemptAt = 0, time.Time{}, time.Time{}
}

// next gives the next entry to post and stores that those before it are passed over.
func (c *courier) next(ctx context.Context, at *schemas.Delivery) (e schemas.StoredEntry, found bool, err error) {
	passed := 0
	for ; passed < passOver; passed++ {
		if e, found, err = c.Store.NextEntry(ctx, c.audience, at.Seq); err != nil || !found {
			break
		}
		if c.due(at, &e) {
			break
		}
		at.Seq = e.Seq
	}
	if err == nil && passed > 0 {
		err = c.Store.PutDelivery(ctx, at)
	}
	return e, found && passed < passOver, err
}

// due says whether an entry is to be posted. What a replay puts out again is, when it was not posted before.
func (c *courier) due(at *schemas.Delivery, e *schemas.StoredEntry) bool {
	if e.Gen != at.Gen || e.Seq <= at.Seq {
		if !at.At.IsZero() {
			at.NotBefore = at.At.Add(-replaySlack)
		}
		at.Gen = e.Gen
	}
	return e.IsDeleted == 0 && !e.At.Before(c.deliver.Since.Truncate(time.Second)) && !e.At.Before(at.NotBefore) &&
		!slices.Contains(at.Recent, xxhash.Sum64String(e.EntryID))
}

// hopeless says that the target failed for so long that an entry as old is given up, without an attempt of its own too: otherwise a
// target that is gone would have entries kept for ever.
func (c *courier) hopeless(at *schemas.Delivery, e *schemas.StoredEntry) bool {
	now := c.Now()
	return !at.FailingSince.IsZero() && now.Sub(at.FailingSince) >= giveUpAfter && now.Sub(e.At) >= giveUpAfter
}

// send posts an entry; an error means that it is not known what became of it.
func (c *courier) send(ctx context.Context, e *schemas.AudienceEntry) (outcome, error) {
	if err := c.limit.Wait(ctx); err != nil {
		return outcome{}, err
	}
	secret, err := c.Unseal(c.audience, schemas.FieldDeliverSecret, c.deliver.Secret)
	if err != nil {
		return outcome{reason: "set the secret again: " + err.Error()}, nil //nolint:nilerr // it is an outcome: tried again until the secret is set
	}
	o := post(ctx, c.client, c.deliver.URL, secret, e, c.Now())
	if o.reason != "" && ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	return o, nil
}

// conclude stores what became of an entry.
func (c *courier) conclude(ctx context.Context, before *schemas.Delivery, e *schemas.StoredEntry, o outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	now := c.Now().UTC()
	if o.final {
		if err := c.Store.PutUndelivered(ctx, undeliveredEntry(&e.AudienceEntry, o.reason, now)); err != nil {
			return err
		}
	}
	err := c.alter(ctx, func(at *schemas.Delivery) {
		if at.Seq != before.Seq {
			return // somebody else posted it too
		}
		if o.reason == "" || o.final {
			at.Seq, at.Gen, at.NotBefore = e.Seq, before.Gen, before.NotBefore
			at.At = later(at.At, e.At)
			remember(at, e)
		}
		c.learn(at, o, now)
	})
	c.tally(o)
	return err
}

// remember keeps that an entry is behind the position. One that a replay put out again takes nobody's place: that of the next one.
func remember(at *schemas.Delivery, e *schemas.StoredEntry) {
	if e.At.After(at.NotBefore.Add(replaySlack)) {
		at.Recent = append(at.Recent, xxhash.Sum64String(e.EntryID))
		at.Recent = at.Recent[max(0, len(at.Recent)-mostRecent):]
	}
}

// learn brings the figures of a target in line with an outcome.
func (c *courier) learn(at *schemas.Delivery, o outcome, now time.Time) {
	if o.final {
		at.Dead++
	}
	if o.untried {
		return
	}
	at.LastError = o.reason
	switch {
	case o.reason == "":
		at.Delivered++
		recovered(at)
	case o.final:
		recovered(at)
	default:
		at.Attempts++
		if at.FailingSince.IsZero() {
			at.FailingSince = now
		}
		at.NextAttemptAt = now.Add(max(backoff(c.FirstWait, at.Attempts), o.after))
	}
}

func (c *courier) tally(o outcome) {
	name := "delivered"
	switch {
	case o.final:
		name = "dead"
	case o.reason != "":
		name = "failed"
	}
	c.count.WithLabelValues(c.audience, name).Inc()
}

// again posts an entry that was given up once more.
func (c *courier) again(ctx context.Context, id string) error {
	all, err := c.Store.Undelivered(ctx, c.audience)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(u schemas.Undelivered) bool { return u.ID == id })
	if i < 0 {
		return c.answered(ctx, id, func(*schemas.Delivery) {})
	}
	u := all[i]
	o, err := c.send(ctx, &schemas.AudienceEntry{
		EntryID: u.ID, AudienceID: u.Audience, PersonID: u.PersonID, Event: u.Event, At: u.At, ActivityID: u.ActivityID, Activity: u.Activity,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	o.final = false // it was given up before, and waits for somebody to ask again
	c.tally(o)
	if o.reason == "" {
		if err := c.Store.DropUndelivered(ctx, c.audience, id); err != nil {
			return err
		}
		return c.answered(ctx, id, func(at *schemas.Delivery) {
			at.Delivered++
			recovered(at)
		})
	}
	u.Reason, u.FailedAt = o.reason, c.Now().UTC()
	if err := c.Store.PutUndelivered(ctx, u); err != nil {
		return err
	}
	return c.answered(ctx, id, func(at *schemas.Delivery) { at.LastError = o.reason })
}

// answered takes an entry out of those that are asked for again.
func (c *courier) answered(ctx context.Context, id string, change func(*schemas.Delivery)) error {
	return c.alter(ctx, func(at *schemas.Delivery) {
		at.Retry = slices.DeleteFunc(at.Retry, func(x string) bool { return x == id })
		change(at)
	})
}

// alter changes the stored position, again when another writer was faster.
func (c *courier) alter(ctx context.Context, change func(*schemas.Delivery)) error {
	for {
		at, err := c.Store.Delivery(ctx, c.audience)
		if err != nil {
			return err
		}
		change(&at)
		if err = c.Store.PutDelivery(ctx, &at); !errors.Is(err, schemas.ErrFenced) {
			return err
		}
	}
}

func undeliveredEntry(e *schemas.AudienceEntry, reason string, now time.Time) schemas.Undelivered {
	return schemas.Undelivered{
		ID: e.EntryID, Audience: e.AudienceID, PersonID: e.PersonID, Event: e.Event, At: e.At.UTC(), ActivityID: e.ActivityID, Activity: e.Activity,
		Reason: reason, FailedAt: now,
	}
}

// backoff doubles with every attempt up to longestWait; it varies by half so that targets of one server are not met all at once.
func backoff(first time.Duration, attempts int) time.Duration {
	wait := longestWait
	if attempts < 30 {
		wait = min(first<<(attempts-1), longestWait)
	}
	return wait/2 + rand.N(wait/2+1)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
