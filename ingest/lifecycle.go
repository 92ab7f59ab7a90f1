package ingest

import (
	"context"
	"slices"

	"deskstream/schemas"
)

func conflict(code, detail string) error {
	return &schemas.Problem{Class: schemas.ErrConflict, Code: code, Detail: detail}
}

// step is one way between the statuses of a source.
type step struct {
	from   []schemas.SourceStatus
	to     schemas.SourceStatus
	code   string
	detail map[schemas.SourceStatus]string // what is missing, by the status that does not allow the step
}

var (
	stepDisconnect = step{
		from: []schemas.SourceStatus{schemas.SourceConnected}, to: schemas.SourceDisconnected, code: "source-not-connected",
		detail: map[schemas.SourceStatus]string{
			schemas.SourceDraft:        "the source was never connected: there is nothing to disconnect",
			schemas.SourceAwaiting:     "the source was never connected: there is nothing to disconnect",
			schemas.SourceDisconnected: "the source is disconnected already",
			schemas.SourceArchived:     "the source is archived, and so disconnected already",
		},
	}
	stepReconnect = step{
		from: []schemas.SourceStatus{schemas.SourceDisconnected}, to: schemas.SourceConnected, code: "source-not-disconnected",
		detail: map[schemas.SourceStatus]string{
			schemas.SourceDraft:     "the source was never connected: authorize it first",
			schemas.SourceAwaiting:  "the source was never connected: end its authorization first",
			schemas.SourceConnected: "the source is connected already",
			schemas.SourceArchived:  "the source is archived: restore it first",
		},
	}
	stepArchive = step{
		from: []schemas.SourceStatus{schemas.SourceDisconnected, schemas.SourceDraft, schemas.SourceAwaiting},
		to:   schemas.SourceArchived, code: "source-not-disconnected",
		detail: map[schemas.SourceStatus]string{
			schemas.SourceConnected: "the source is connected: disconnect it first",
			schemas.SourceArchived:  "the source is archived already",
		},
	}
	stepRestore = step{
		from: []schemas.SourceStatus{schemas.SourceArchived}, to: schemas.SourceDisconnected, code: "source-not-archived",
		detail: map[schemas.SourceStatus]string{
			schemas.SourceDraft:        "the source is not archived: there is nothing to restore",
			schemas.SourceAwaiting:     "the source is not archived: there is nothing to restore",
			schemas.SourceConnected:    "the source is not archived: there is nothing to restore",
			schemas.SourceDisconnected: "the source is not archived: there is nothing to restore",
		},
	}
	stepDelete = step{
		from: []schemas.SourceStatus{schemas.SourceArchived, schemas.SourceDraft, schemas.SourceAwaiting}, code: "source-not-archived",
		detail: map[schemas.SourceStatus]string{
			schemas.SourceConnected:    "the source is connected: disconnect it, then archive it first",
			schemas.SourceDisconnected: "the source is disconnected: archive it first",
		},
	}
)

func (t step) allows(s *schemas.Source) error {
	if slices.Contains(t.from, s.Status) {
		return nil
	}
	return conflict(t.code, t.detail[s.Status])
}

func (c *Connections) take(ctx context.Context, id string, t step) (schemas.Source, error) {
	return c.edit(ctx, id, func(s *schemas.Source) error {
		if err := t.allows(s); err != nil {
			return err
		}
		s.Status = t.to
		return nil
	})
}

// Disconnect stops a connected source: nothing is read any more, and webhooks are answered and dropped. Credentials and positions stay.
func (c *Connections) Disconnect(ctx context.Context, id string) (schemas.Source, error) {
	return c.take(ctx, id, stepDisconnect)
}

// Reconnect connects a disconnected source again, with its stored credentials, and reads what changed since. When the credentials do
// not work any more it answers like Authorize.
func (c *Connections) Reconnect(ctx context.Context, id string) (schemas.Source, error) {
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return schemas.Source{}, err
	}
	if err := stepReconnect.allows(&s); err != nil {
		return schemas.Source{}, err
	}
	if s.Auth.Method == "" || s.Error == schemas.Reauthorize {
		return schemas.Source{}, conflict("source-not-authorized", "the source has no valid credentials: authorize it first")
	}
	auth, err := c.Clients.stored(s)
	if err != nil {
		return schemas.Source{}, err
	}
	if err := c.check(ctx, s.Account, auth); err != nil {
		return schemas.Source{}, err
	}
	if err := c.due(ctx, id); err != nil {
		return schemas.Source{}, err
	}
	return c.take(ctx, id, stepReconnect)
}

// Archive puts a disconnected source out of sight. A source that was never connected may be archived too.
func (c *Connections) Archive(ctx context.Context, id string) (schemas.Source, error) {
	return c.take(ctx, id, stepArchive)
}

// Restore brings an archived source back, disconnected.
func (c *Connections) Restore(ctx context.Context, id string) (schemas.Source, error) {
	return c.take(ctx, id, stepRestore)
}

// Delete removes an archived source, or one that was never connected. Its account may then be connected anew.
func (c *Connections) Delete(ctx context.Context, id string) error {
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return err
	}
	if err := stepDelete.allows(&s); err != nil {
		return err
	}
	return c.Store.DeleteSource(ctx, id, s.Revision)
}
