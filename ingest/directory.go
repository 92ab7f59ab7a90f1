package ingest

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"deskstream/schemas"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// Directory keeps the source records of the store in memory, so that a webhook needs no look-up, and tells others of changes. Start Run
// once; all methods are safe for concurrent use.
type Directory struct {
	store  Store
	sealer *Sealer
	log    zerolog.Logger

	entries  atomic.Pointer[map[string]*entry]
	renewals *rate.Limiter

	mu       sync.Mutex // guards writing entries, and watchers
	watchers []func(s schemas.Source, deleted bool)
}

// renewRate and renewBurst bound the look-ups a second for webhooks that would be refused.
const (
	renewRate  = 20
	renewBurst = 40
)

// entry is a source with what the webhook endpoint needs of it ready for use.
type entry struct {
	source  schemas.Source
	signers []*signer
	locked  bool  // a webhook secret cannot be opened, so a signature that fits none may be genuine
	sealed  error // why a secret, of the webhook or another, cannot be opened
}

// NewDirectory makes an empty directory. The sealer opens the webhook secrets of the records.
func NewDirectory(store Store, sealer *Sealer, log zerolog.Logger) *Directory {
	d := &Directory{store: store, sealer: sealer, log: log, renewals: rate.NewLimiter(renewRate, renewBurst)}
	d.entries.Store(&map[string]*entry{})
	return d
}

// Load reads all records once. Call it before the endpoint opens, so that no webhook of a known source is answered 404.
func (d *Directory) Load(ctx context.Context) error {
	sources, err := d.store.Sources(ctx)
	if err != nil {
		return err
	}
	for _, s := range sources {
		d.put(s, false)
	}
	return nil
}

// relist is how often the records are listed beside the watch.
const relist = 30 * time.Second

// Run follows the store until ctx ends. Beside the watch it lists the records now and then: a watch does not tell what was deleted before it
// began.
func (d *Directory) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var lister sync.WaitGroup
	lister.Go(func() { d.list(ctx) })
	defer lister.Wait()
	defer stop()
	return d.store.WatchSources(ctx, d.put)
}

func (d *Directory) list(ctx context.Context) {
	ticker := time.NewTicker(relist)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		before := *d.entries.Load()
		sources, err := d.store.Sources(ctx)
		if err != nil {
			continue // The watch reports a store that does not answer.
		}
		there := map[string]bool{}
		for _, s := range sources {
			there[s.ID] = true
		}
		for id, e := range before {
			if !there[id] {
				d.put(e.source, true)
			}
		}
	}
}

// Source returns a record and whether it exists.
func (d *Directory) Source(id string) (schemas.Source, bool) {
	e := d.get(id)
	if e == nil {
		return schemas.Source{}, false
	}
	return e.source, true
}

// Sources returns all records in no order.
func (d *Directory) Sources() []schemas.Source {
	entries := *d.entries.Load()
	out := make([]schemas.Source, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.source)
	}
	return out
}

// Watch calls fn for each record now and for each later change, one at a time. A deleted record may have only its ID and Account. fn must not
// block.
func (d *Directory) Watch(fn func(s schemas.Source, deleted bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range *d.entries.Load() {
		fn(e.source, false)
	}
	d.watchers = append(d.watchers, fn)
}

func (d *Directory) get(id string) *entry { return (*d.entries.Load())[id] }

// renew looks a record up in the store and gives it as it is there, nil when it is not there. Above renewRate it gives what is in memory.
func (d *Directory) renew(ctx context.Context, id string) (*entry, error) {
	if !d.renewals.Allow() {
		return d.get(id), nil
	}
	src, err := d.store.Source(ctx, id)
	if errors.Is(err, schemas.ErrNotFound) {
		return nil, nil // there is none
	}
	if err != nil {
		return nil, err
	}
	if e := d.get(id); e != nil && e.source.Revision >= src.Revision {
		return e, nil
	}
	d.put(src, false)
	return d.get(id), nil
}

func (d *Directory) put(s schemas.Source, deleted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := *d.entries.Load()
	before := old[s.ID]
	if before != nil && !deleted && s.Revision != 0 && s.Revision <= before.source.Revision {
		return // Load and the watch overlap.
	}
	next := maps.Clone(old)
	if deleted {
		delete(next, s.ID)
	} else {
		next[s.ID] = d.entry(s)
	}
	d.entries.Store(&next)
	for _, fn := range d.watchers {
		fn(s, deleted)
	}
}

func (d *Directory) entry(s schemas.Source) *entry {
	e := &entry{source: s}
	secret, err := d.sealer.Open(s.ID, fieldWebhookSecret, s.Webhook.Secret)
	if secret != "" {
		e.signers = append(e.signers, newSigner(secret, time.Time{}))
	}
	previous, failed := d.sealer.Open(s.ID, fieldWebhookPrevious, s.Webhook.Previous)
	if previous != "" && s.Webhook.PreviousUntil != nil {
		e.signers = append(e.signers, newSigner(previous, *s.Webhook.PreviousUntil))
	}
	e.locked = err != nil || failed != nil
	if _, e.sealed = d.sealer.Check(SecretsOf(&s)...); e.sealed != nil {
		d.log.Error().Err(e.sealed).Str("source", s.ID).Msg("credentials of the source unusable")
	}
	return e
}

// Health says which connected sources hold secrets that this process cannot open: their webhooks and polls fail until it has the right key
// or they are entered again.
func (d *Directory) Health(context.Context) error {
	var errs []error
	for _, e := range *d.entries.Load() {
		if e.sealed != nil && e.source.Status == schemas.SourceConnected {
			errs = append(errs, e.sealed)
		}
	}
	return errors.Join(errs...)
}
