package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"deskstream/schemas"
)

// Zendesk merges organizations in the background: which one absorbed another may be told only some time after the export showed it as
// deleted. It is asked for again, less and less often.
const (
	askMergesFor   = 24 * time.Hour // after the deletion
	firstMergeWait = 10 * time.Second
	maxMergeWait   = time.Hour
	maxDeletedOrgs = 1000 // deletions whose merge is asked for again
)

// deletedOrg is an organization that was deleted of late.
type deletedOrg struct {
	row     json.RawMessage
	deleted time.Time
	winner  schemas.ZID   // which one absorbed it; 0 = none, as far as Zendesk told
	next    time.Time     // when it is asked for again
	wait    time.Duration // how long after that
}

// withMerges asks of each deleted organization which other one absorbed it, and puts that into it: the export only tells that it is gone.
// Those of which it was not known at an earlier page are there again once it is. Only the run of the organizations may call it.
func (r *runner) withMerges(ctx context.Context, client *Client, rows []json.RawMessage) ([]json.RawMessage, error) {
	now := r.p.Now()
	out := make([]json.RawMessage, 0, len(rows))
	for _, row := range rows {
		id, deleted := deletionOf(row)
		switch {
		case id == 0:
		case r.deletedOrgs[id] != nil || now.Sub(deleted) < askMergesFor && len(r.deletedOrgs) < maxDeletedOrgs:
			r.noteDeleted(id, deleted, row, now)
			continue
		default:
			winner, err := r.absorber(ctx, client, id)
			if err != nil {
				return nil, err
			}
			row = absorbedBy(row, winner)
		}
		out = append(out, row)
	}
	for _, id := range slices.Sorted(maps.Keys(r.deletedOrgs)) {
		o := r.deletedOrgs[id]
		if err := o.ask(ctx, client, id, now); err != nil {
			return nil, err
		}
		out = append(out, absorbedBy(o.row, o.winner)) // A repeat is left out like that of any other row.
		if now.Sub(o.deleted) >= askMergesFor {
			r.absorbers.Add(id, o.winner)
			delete(r.deletedOrgs, id)
		}
	}
	return out, nil
}

// deletionOf gives the id of an organization that is deleted and when that was; 0 for another one.
func deletionOf(row json.RawMessage) (schemas.ZID, time.Time) {
	var gone struct {
		ID        schemas.ZID `json:"id"`
		DeletedAt *time.Time  `json:"deleted_at"`
	}
	if err := json.Unmarshal(row, &gone); err != nil || gone.ID <= 0 || gone.DeletedAt == nil {
		return 0, time.Time{}
	}
	return gone.ID, *gone.DeletedAt
}

func absorbedBy(row json.RawMessage, winner schemas.ZID) json.RawMessage {
	if winner <= 0 {
		return row
	}
	return withMember(row, "merged_into", json.RawMessage(winner.String()))
}

// absorber asks once which organization absorbed one that was deleted long ago: an export shows its last rows at every poll.
func (r *runner) absorber(ctx context.Context, client *Client, id schemas.ZID) (schemas.ZID, error) {
	if winner, known := r.absorbers.Get(id); known {
		return winner, nil
	}
	winner, err := client.absorbing(ctx, id)
	if err == nil {
		r.absorbers.Add(id, winner)
	}
	return winner, err
}

func (r *runner) noteDeleted(id schemas.ZID, deleted time.Time, row json.RawMessage, now time.Time) {
	o := r.deletedOrgs[id]
	if o == nil {
		o = &deletedOrg{next: now, wait: firstMergeWait}
		r.deletedOrgs[id] = o
	}
	o.row, o.deleted = row, deleted
}

// ask asks for the merge when it is time to.
func (o *deletedOrg) ask(ctx context.Context, client *Client, id schemas.ZID, now time.Time) (err error) {
	if o.winner != 0 || now.Before(o.next) {
		return nil
	}
	if o.winner, err = client.absorbing(ctx, id); err != nil {
		return err
	}
	o.next, o.wait = now.Add(o.wait), min(2*o.wait, maxMergeWait)
	return nil
}

// lookBack has the first poll of a runner read the deletions again whose merge may not be known yet: they are kept in memory only.
func lookBack(cur schemas.Cursor, now time.Time) schemas.Cursor {
	start := now.Add(-askMergesFor).Unix()
	if at, err := parseSecond(cur.Cursor); err == nil && at > start {
		cur.Cursor = strconv.FormatInt(start, 10)
	}
	return cur
}

// absorbing gives the organization that absorbed another one; 0 if none did.
func (c *Client) absorbing(ctx context.Context, id schemas.ZID) (schemas.ZID, error) {
	merges, err := c.list(ctx, "/api/v2/organizations/"+id.String()+"/merges.json", "organization_merges")
	if errors.Is(err, schemas.ErrNotFound) || errors.Is(err, schemas.ErrDenied) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("merges of organization %d: %w", id, err)
	}
	for _, merge := range merges {
		var m struct {
			Loser  schemas.ZID `json:"loser_id"`
			Winner schemas.ZID `json:"winner_id"`
			Status string      `json:"status"`
		}
		if json.Unmarshal(merge, &m) == nil && m.Loser == id && m.Status != "error" {
			return m.Winner, nil
		}
	}
	return 0, nil
}
