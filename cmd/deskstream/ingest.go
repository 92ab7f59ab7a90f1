package main

import (
	"context"
	"path/filepath"
	"time"

	"deskstream/ingest"
)

// startConnections makes what the API and the ingest stage share: credentials, clients of Zendesk, the steps of a source's life, and the
// webhook endpoint.
func (a *App) startConnections(ctx context.Context) error {
	if !a.Roles.ingest && !a.Roles.serve {
		return nil
	}
	sealer := a.sealer
	log := a.Log.With().Str("part", "ingest").Logger()
	a.figures = ingest.NewMetrics(a.registry)
	a.sources = ingest.NewDirectory(a.stream, sealer, log)
	if err := a.sources.Load(ctx); err != nil {
		return err
	}
	a.clients = &ingest.Clients{
		Store: a.stream, Sealer: sealer, Metrics: a.figures, Now: a.Now, Log: log, BaseURL: a.Config.ZendeskURL,
		IncrementalPerMinute: a.Config.Incremental, RestPerMinute: a.restPerMinute(),
	}
	public := a.Config.publicURL(a.Addr())
	a.connections = &ingest.Connections{
		Store: a.stream, Sealer: sealer, Clients: a.clients, Now: a.Now, Log: log, PublicURL: public,
	}
	a.webhook = &ingest.Webhook{
		Publisher: a.stream, Sources: a.sources, Metrics: a.figures, Now: a.Now, Log: log, Nudges: ingest.NewNudges(0), Rate: a.Tuning.webhookRate,
		Burst: int(2 * a.Tuning.webhookRate),
	}
	return nil
}

// startSealer readies the encryption of stored credentials where there are any to read.
func (a *App) startSealer(context.Context) (err error) {
	if !a.needsKey() {
		return nil
	}
	key := a.Config.secret
	if key == nil {
		if key, err = ingest.LoadKey(filepath.Join(a.Config.Data, "secret.key")); err != nil {
			return err
		}
	}
	a.sealer, err = ingest.NewSealer(key)
	return err
}

func (a *App) needsKey() bool { return a.Roles.ingest || a.Roles.serve || a.delivers() }

// restPerMinute keeps Zendesk's own ratio between exports and everything else; the smallest plan allows 10 and 200.
func (a *App) restPerMinute() int { return 20 * a.Config.Incremental }

// startIngest starts polling, and fetching what webhooks speak of.
func (a *App) startIngest(context.Context) error {
	if !a.Roles.ingest {
		if a.Roles.serve {
			a.run(&a.feeding, "source directory", a.sources.Run)
		}
		return nil
	}
	log := a.Log.With().Str("part", "ingest").Logger()
	poller := &ingest.Poller{
		Store: a.stream, Sources: a.sources, Clients: a.clients, Metrics: a.figures, Now: a.Now, Log: log, Intervals: a.intervals(),
		Retry: min(30*time.Second, a.Config.PollInterval),
	}
	fetcher := &ingest.Fetcher{Nudges: a.webhook.Nudges, Poller: poller, Metrics: a.figures, Log: log}
	a.webhook.Recovered = func(source string) { poller.Kick(source) }
	a.run(&a.feeding, "source directory", a.sources.Run)
	a.run(&a.feeding, "poller", poller.Run)
	a.run(&a.feeding, "fetcher", fetcher.Run)
	return nil
}

// intervals scales the default rhythm, which is made for a poll of tickets each minute, to the one that is set.
func (a *App) intervals() map[string]time.Duration {
	out := ingest.Intervals()
	for name, every := range out {
		out[name] = time.Duration(float64(every) * a.Config.PollInterval.Seconds() / 60)
	}
	out[ingest.ResourceUsers], out[ingest.ResourceMemberships] = a.Config.ContactSync, a.Config.ContactSync
	return out
}

// connections gives the API the steps of a source's life; it knows our public address.
type connections struct {
	*ingest.Connections
	public string
}

// RegisterWebhook creates the webhook in Zendesk under our public address.
func (c connections) RegisterWebhook(ctx context.Context, id string) error {
	return c.Connections.RegisterWebhook(ctx, id, c.public)
}
