package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"deskstream/ingest"
	"deskstream/schemas"
	"deskstream/stream"
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
	a.clients.Follow(a.sources)
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
func (a *App) startSealer(ctx context.Context) error {
	if !a.needsKey() {
		return nil
	}
	secrets, err := storedSecrets(ctx, a.stream)
	if err != nil {
		return err
	}
	a.sealer, err = a.Config.openSealer(a.Config.Data, secrets)
	return err
}

// storedSecrets gives all that sources and audiences hold sealed. An audience that cannot be read holds none.
func storedSecrets(ctx context.Context, s *stream.Stream) (secrets []ingest.Secret, err error) {
	sources, err := s.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for i := range sources {
		secrets = append(secrets, ingest.SecretsOf(&sources[i])...)
	}
	settings, err := s.Settings(ctx, schemas.SettingAudience)
	for _, v := range settings {
		var a schemas.Audience
		if json.Unmarshal(v.Value, &a) == nil && a.Deliver != nil && a.Deliver.Secret != "" {
			secrets = append(secrets, ingest.Secret{Owner: a.ID, Field: schemas.FieldDeliverSecret, Sealed: a.Deliver.Secret})
		}
	}
	return secrets, err
}

// owners gives the sources and audiences that hold secrets, in order.
func owners(secrets []ingest.Secret) (ids []string) {
	for _, s := range secrets {
		ids = append(ids, s.Owner)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// openSealer takes the secret key, and makes one only while nothing is sealed. A key that opens nothing of what is sealed is the wrong one:
// every genuine webhook would be refused, and Zendesk sends none of them again.
func (f *KeyFlags) openSealer(data string, sealed []ingest.Secret) (*ingest.Sealer, error) {
	bound := len(sealed) > 0 && !f.ReplaceKey
	key, value, path := f.secret, "(hidden)", keyFile(data)
	if key == nil {
		load := ingest.LoadKey
		if bound {
			load = ingest.ReadKey
		}
		var err error
		if key, err = load(path); errors.Is(err, fs.ErrNotExist) {
			return nil, wrongKey(path+" (no such file)", sealed)
		}
		if err != nil {
			return nil, err
		}
		value = path
	}
	sealer, err := ingest.NewSealer(key)
	if err != nil {
		return nil, err
	}
	opened, _ := sealer.Check(sealed...)
	if bound && opened == 0 {
		return nil, wrongKey(value, sealed)
	}
	return sealer, nil
}

// keyFile is where the secret key is that no setting gives.
func keyFile(data string) string { return filepath.Join(data, "secret.key") }

func wrongKey(value string, sealed []ingest.Secret) error {
	return &settingError{"secret-key", value, fmt.Sprintf("the key that the stored secrets of %d sources and audiences are sealed with, here or in <data>/secret.key; "+
		"if it is lost, start with --replace-secret-key, authorize the sources again and enter the signing secrets of their webhooks and of the targets of "+
		"audiences again", len(owners(sealed)))}
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
	fetcher := &ingest.Fetcher{Nudges: a.webhook.Nudges, Poller: poller}
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
	out[schemas.ResourceUsers], out[schemas.ResourceMemberships] = a.Config.ContactSync, a.Config.ContactSync
	return out
}
