package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// maxStrangers is how many unknown people of one page are asked for one by one; for more the contact export is quicker.
const maxStrangers = 100

// ticketEvents makes the events of tickets and, before them, of the organizations and people beside them.
func (r *runner) ticketEvents(
	ctx context.Context, client *Client, s schemas.Source, tickets []json.RawMessage, p page,
) ([]schemas.Event, error) {
	now := r.p.Now()
	people, err := r.people(ctx, client, s, p.lists["users"])
	if err != nil {
		return nil, err
	}
	events := append(eventsOf(s, schemas.KindOrganization, p.lists["organizations"], now), people...)
	return append(events, eventsOf(s, schemas.KindTicket, tickets, now)...), nil
}

// authors makes the events of the people who acted in audits and were never seen: without them it is not known whether a reply came from
// the staff.
func (r *runner) authors(ctx context.Context, client *Client, s schemas.Source, audits []json.RawMessage) ([]schemas.Event, error) {
	var unknown []int64
	asked := map[int64]bool{}
	for _, row := range audits {
		for _, id := range authorsOf(row) {
			if id > 0 && !asked[id] && !r.users.Contains(id) {
				asked[id] = true
				unknown = append(unknown, id)
			}
		}
	}
	rows, err := r.fetchUsers(ctx, client, unknown)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		delete(asked, int64(headOf(row).ID))
	}
	for id := range asked {
		r.users.Add(id, 0) // Zendesk does not have them any more: asking again would not help.
	}
	return r.people(ctx, client, s, rows)
}

// fetchUsers asks for users by id, 100 at a time as Zendesk allows.
func (r *runner) fetchUsers(ctx context.Context, client *Client, ids []int64) ([]json.RawMessage, error) {
	var rows []json.RawMessage
	for some := range slices.Chunk(ids, 100) {
		body, err := client.Get(ctx, "/api/v2/users/show_many.json", url.Values{"ids": {joinIDs(some)}})
		if err != nil {
			return nil, err
		}
		p, err := parsePage(body)
		if err != nil {
			return nil, fmt.Errorf("users: %w", err)
		}
		found, err := p.list("users")
		if err != nil {
			return nil, fmt.Errorf("users: %w", err)
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

func joinIDs(ids []int64) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(schemas.ZID(id).String())
	}
	return b.String()
}

// people makes the events of users found outside the contact export. Those whose present version was stored are left out; the others get
// their identities, because the export has them and a version must not come in two forms that contradict each other. Of very many only
// those are asked for that the export cannot have brought.
func (r *runner) people(ctx context.Context, client *Client, s schemas.Source, rows []json.RawMessage) ([]schemas.Event, error) {
	strangers := r.strangers(rows)
	if len(strangers) > maxStrangers {
		strangers = r.uncovered(strangers)
	}
	if len(strangers) > maxStrangers {
		r.readContacts(ctx)
		strangers = r.uncovered(r.strangers(strangers))
	}
	return r.identified(ctx, client, s, strangers)
}

// strangers gives the rows whose version this runner did not store.
func (r *runner) strangers(rows []json.RawMessage) []json.RawMessage {
	var out []json.RawMessage
	for _, row := range rows {
		h := headOf(row)
		if version, known := r.users.Get(int64(h.ID)); !known || version < h.changed().Unix() {
			out = append(out, row)
		}
	}
	return out
}

// uncovered gives the rows that changed after the point up to which the contact export was read.
func (r *runner) uncovered(rows []json.RawMessage) []json.RawMessage {
	r.mu.Lock()
	through := r.contacts
	r.mu.Unlock()
	var out []json.RawMessage
	for _, row := range rows {
		h := headOf(row)
		if changed := h.changed(); changed.After(through) {
			out = append(out, row)
		} else {
			r.users.Add(int64(h.ID), changed.Unix())
		}
	}
	return out
}

// readContacts reads the contact export ahead of its time, or waits for the run that does.
func (r *runner) readContacts(ctx context.Context) {
	res, _ := findResource(schemas.ResourceUsers)
	r.poll(ctx, res, true)
	state := r.states[schemas.ResourceUsers]
	state.running.Lock()
	defer state.running.Unlock()
}

// identified makes the events of users with their identities.
func (r *runner) identified(ctx context.Context, client *Client, s schemas.Source, rows []json.RawMessage) ([]schemas.Event, error) {
	events := make([]schemas.Event, 0, len(rows))
	for _, row := range rows {
		if id := headOf(row).ID; id > 0 {
			list, err := client.list(ctx, "/api/v2/users/"+id.String()+"/identities.json", "identities")
			if err != nil && !errors.Is(err, schemas.ErrNotFound) {
				return nil, fmt.Errorf("identities of user %d: %w", id, err)
			}
			row = withIdentities(row, list)
		}
		events = append(events, eventOf(s, schemas.KindUser, row, r.p.Now()))
	}
	return events, nil
}

// sawContacts notes up to when the contact export was read.
func (r *runner) sawContacts(cur schemas.Cursor) {
	if cur.Resource != schemas.ResourceUsers {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.contacts = time.Time{}
	if cur.Through != nil {
		r.contacts = *cur.Through
	}
}
