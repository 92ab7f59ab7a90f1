package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// DeliveryStore keeps audiences, their entries and how far these are posted. PutDelivery is a compare-and-set on Revision and gives
// schemas.ErrFenced when another writer was faster. NextEntry gives the first entry behind a position.
type DeliveryStore interface {
	Settings(ctx context.Context, prefix string) ([]schemas.Setting, error)
	Delivery(ctx context.Context, audience string) (schemas.Delivery, error)
	PutDelivery(ctx context.Context, d *schemas.Delivery) error
	NextEntry(ctx context.Context, audience string, after uint64) (schemas.StoredEntry, bool, error)
	PutUndelivered(ctx context.Context, u schemas.Undelivered) error
	DropUndelivered(ctx context.Context, audience, id string) error
	Undelivered(ctx context.Context, audience string) ([]schemas.Undelivered, error)
}

// DeliveryOptions is what deliveries are made from. Store and Unseal are needed.
type DeliveryOptions struct {
	Store DeliveryStore
	// Unseal opens the secret of an audience.
	Unseal       func(audience, field, sealed string) (string, error)
	AllowPrivate bool                  // post to private addresses too
	Now          func() time.Time      // nil = time.Now
	Log          zerolog.Logger        //
	Registerer   prometheus.Registerer // takes deskstream_deliveries_total; nil = none
	Look         time.Duration         // between looks for news; 0 = 1 s
	FirstWait    time.Duration         // before the second attempt; 0 = 1 s
}

// Deliveries posts the entries of audiences to the targets that these have, in order, at least once: the position moves when a target has
// answered. A target that fails holds up its own audience only. One process needs to run it; several repeat each other's posts.
type Deliveries struct {
	DeliveryOptions
	client  *http.Client
	count   *prometheus.CounterVec
	running map[string]*running // by audience
	ended   map[string]bool     // audiences whose position is known to hold nothing
}

// running is the goroutine of one audience.
type running struct {
	target time.Time // ChangedAt of the Deliver it posts by
	stop   func()
}

// NewDeliveries prepares deliveries; Run makes them.
func NewDeliveries(o DeliveryOptions) (*Deliveries, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Look <= 0 {
		o.Look = time.Second
	}
	if o.FirstWait <= 0 {
		o.FirstWait = time.Second
	}
	d := &Deliveries{DeliveryOptions: o, client: newPoster(o.AllowPrivate), running: map[string]*running{}, ended: map[string]bool{}}
	d.count = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "deskstream_deliveries_total", Help: "Posts of entries of audiences, by outcome: delivered, failed (tried again, or after the entry was given up) or dead (given up).",
	}, []string{"audience", "outcome"})
	if o.Registerer != nil {
		if err := o.Registerer.Register(d.count); err != nil {
			return nil, fmt.Errorf("delivery metrics: %w", err)
		}
	}
	return d, nil
}

// Run posts until ctx ends (nil). A post under way is cut off then and made again at the next start.
func (d *Deliveries) Run(ctx context.Context) error {
	defer func() {
		for _, r := range d.running {
			r.stop()
		}
		d.client.CloseIdleConnections()
	}()
	for ctx.Err() == nil {
		if err := d.look(ctx); err != nil && ctx.Err() == nil {
			d.Log.Warn().Err(err).Msg("not all audiences were read, will try again")
		}
		_ = schemas.Wait(ctx, d.Look)
	}
	return nil
}

// look starts and stops goroutines so that they are those of the audiences that have a target. One that cannot be read stays as it is and stops no others.
func (d *Deliveries) look(ctx context.Context) error {
	settings, err := d.Store.Settings(ctx, schemas.SettingAudience)
	if err != nil {
		return err
	}
	var failed []error
	for _, v := range settings {
		var a schemas.Audience
		err := json.Unmarshal(v.Value, &a)
		if err == nil {
			err = d.follow(ctx, &a)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", v.Name, err))
		}
	}
	return errors.Join(failed...)
}

func (d *Deliveries) follow(ctx context.Context, a *schemas.Audience) error {
	wanted := a.Deliver != nil && !a.Deleted
	if r := d.running[a.ID]; r != nil {
		if wanted && r.target.Equal(a.Deliver.ChangedAt) {
			return nil
		}
		r.stop()
		delete(d.running, a.ID)
	}
	if wanted {
		delete(d.ended, a.ID)
		d.running[a.ID] = d.start(ctx, newCourier(d, a.ID, *a.Deliver))
		return nil
	}
	if d.ended[a.ID] {
		return nil
	}
	if err := d.end(ctx, a.ID); err != nil {
		return err
	}
	d.ended[a.ID] = true
	return nil
}

func (d *Deliveries) start(ctx context.Context, c *courier) *running {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { c.run(ctx) })
	return &running{c.deliver.ChangedAt, func() { cancel(); wg.Wait() }}
}

// end records that nothing is posted any more, so that entries need not be kept for it.
func (d *Deliveries) end(ctx context.Context, audience string) error {
	at, err := d.Store.Delivery(ctx, audience)
	if err != nil || at.Revision == 0 || at.Ended {
		return err
	}
	at.Ended, at.Retry = true, nil
	return d.Store.PutDelivery(ctx, &at)
}
