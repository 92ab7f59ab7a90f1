package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"deskstream/processors"
	"deskstream/schemas"
)

// tombstones keep the events of erased people from being stored again. They follow the records of erasures.
type tombstones struct {
	mu        sync.RWMutex
	byAccount map[string]*processors.Redactor
}

// add takes over what a record says. Users of ours are among the erased only until it is done: who is told of anew is somebody new.
func (t *tombstones) add(e *schemas.Erasure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &processors.Redactor{Account: e.Account, Users: map[int64]bool{}, Tickets: map[int64]bool{}}
	if old := t.byAccount[e.Account]; old != nil {
		maps.Copy(x.Users, old.Users)
		maps.Copy(x.Tickets, old.Tickets)
	}
	for _, id := range e.UserIDs {
		if x.Users[id] = true; e.State == schemas.ErasureDone && schemas.IsOwnUser(schemas.ZID(id)) {
			delete(x.Users, id)
		}
	}
	for _, id := range e.Tickets {
		x.Tickets[id] = true
	}
	if t.byAccount == nil {
		t.byAccount = map[string]*processors.Redactor{}
	}
	t.byAccount[e.Account] = x
}

// unknown gives the tickets that no record names.
func (t *tombstones) unknown(account string, tickets []int64) []int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.DeleteFunc(tickets, func(id int64) bool { return t.byAccount[account] != nil && t.byAccount[account].Tickets[id] })
}

// redact gives what may be stored of an event.
func (t *tombstones) redact(e *schemas.Event) []byte {
	t.mu.RLock()
	x := t.byAccount[e.Account]
	t.mu.RUnlock()
	if x == nil {
		return e.Data
	}
	return x.Redact(e)
}

// startErasures loads the tombstones before anything brings events in, follows them, and works off erasures where the tables are.
func (a *App) startErasures(ctx context.Context) error {
	if a.into != "" {
		return nil // a second database beside the live one
	}
	all, err := a.stream.Erasures(ctx)
	if err != nil {
		return err
	}
	wake := make(chan struct{}, 1)
	for i := range all {
		a.tombstones.add(&all[i])
	}
	a.run(&a.working, "tombstones", func(ctx context.Context) error {
		return a.stream.WatchErasures(ctx, func(e schemas.Erasure) {
			a.tombstones.add(&e)
			select {
			case wake <- struct{}{}:
			default:
			}
		})
	})
	if a.Roles.sink {
		a.run(&a.working, "erasures", func(ctx context.Context) error { return a.runErasures(ctx, wake) })
	}
	return nil
}

const (
	// eraseRetry is how long a failed erasure waits to be tried again, sweepEvery how often new tickets of erased people are looked for.
	eraseRetry = 5 * time.Second
	sweepEvery = 24 * time.Hour
)

// runErasures works off the erasures that are asked for, one after the other, until ctx ends.
func (a *App) runErasures(ctx context.Context, wake <-chan struct{}) error {
	here := map[string]bool{} // erasures that are through but for what is beside the tables
	for ctx.Err() == nil {
		err := a.eraseAll(ctx, here)
		if err == nil {
			err = a.sweepErased(ctx)
		}
		if err == nil {
			err = a.clearLeftovers(ctx)
		}
		rest := sweepEvery
		if err != nil && ctx.Err() == nil {
			a.Log.Warn().Err(err).Msg("erasure is not finished, will try again")
			rest = eraseRetry
		}
		timer := time.NewTimer(rest)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// eraseAll works off the erasures that run, here first, so that none waits for what is built beside the tables.
func (a *App) eraseAll(ctx context.Context, here map[string]bool) error {
	all, err := a.stream.Erasures(ctx)
	var open []*schemas.Erasure
	for i := range all {
		e := &all[i]
		if e.State != schemas.ErasureRunning {
			continue
		}
		if !here[e.ID] {
			if failed := a.erase(ctx, e); failed != nil {
				err = errors.Join(err, fmt.Errorf("erasure %s: %w", e.ID, failed))
				continue
			}
			here[e.ID] = true
		}
		open = append(open, e)
	}
	if len(open) == 0 {
		return err
	}
	if failed := a.eraseBeside(ctx, open); failed != nil {
		return errors.Join(err, failed)
	}
	for _, e := range open {
		now := a.Now().UTC()
		e.State, e.FinishedAt = schemas.ErasureDone, &now
		if failed := a.stream.PutErasure(ctx, e); failed != nil {
			err = errors.Join(err, fmt.Errorf("erasure %s: %w", e.ID, failed))
			continue
		}
		delete(here, e.ID)
	}
	return err
}

// sweepErased redacts the events of tickets that erased people have requested since. Nothing of them comes into state or tables, but what
// an agent answers does not say for whom, until the ticket is known.
func (a *App) sweepErased(ctx context.Context) error {
	all, err := a.stream.Erasures(ctx)
	if err != nil {
		return err
	}
	first := map[string]*schemas.Erasure{} // of each account: its record takes the tickets
	users := map[string][]int64{}
	for i := range all {
		if e := &all[i]; e.State == schemas.ErasureDone {
			users[e.Account] = append(users[e.Account], e.UserIDs...)
			if first[e.Account] == nil {
				first[e.Account] = e
			}
		}
	}
	for account, e := range first {
		if err := a.sweepAccount(ctx, e, users[account]); err != nil {
			return fmt.Errorf("erased people of %s: %w", account, err)
		}
	}
	return nil
}

func (a *App) sweepAccount(ctx context.Context, e *schemas.Erasure, users []int64) error {
	tickets, _, err := a.db.FindErased(ctx, &schemas.Erasure{Account: e.Account, UserIDs: users})
	if err != nil {
		return err
	}
	fresh := a.tombstones.unknown(e.Account, tickets)
	if len(fresh) == 0 {
		return nil
	}
	e.Tickets = append(e.Tickets, fresh...)
	a.tombstones.add(e)
	if _, err := a.stream.EraseRaw(ctx, e.Account, a.tombstones.redact); err != nil {
		return err
	}
	if _, err := a.stream.EraseDead(ctx, e.Account, a.tombstones.redact); err != nil {
		return err
	}
	return a.stream.PutErasure(ctx, e) // last: tickets in a record are not looked at again
}

// erase works off one erasure but for what is beside the tables. Every step may be done again, so that one that was cut off begins with the
// first. The order matters: once the users are tombstones nothing new about them comes into the tables, so their tickets can be found there;
// what the processor has replaced can be removed from the disk only then.
func (a *App) erase(ctx context.Context, e *schemas.Erasure) error {
	a.tombstones.add(e)
	if err := a.countErased(ctx, e); err != nil {
		return err
	}
	if err := a.tellUsers(ctx, e); err != nil {
		return err
	}
	var err error
	if e.Tickets, e.Others, err = a.db.FindErased(ctx, e); err != nil {
		return err
	}
	if err := a.stream.PutErasure(ctx, e); err != nil {
		return err
	}
	a.tombstones.add(e)
	if err := a.tellWords(ctx, e); err != nil {
		return err
	}
	return a.removeErased(ctx, e)
}

// countErased notes for the receipt what the tables hold before anything is removed: later some of it is replaced already.
func (a *App) countErased(ctx context.Context, e *schemas.Erasure) (err error) {
	now := *e // what is found now is for the counts alone: later it is looked for again
	if now.Tickets, now.Others, err = a.db.FindErased(ctx, e); err != nil {
		return err
	}
	rows, err := a.db.CountErased(ctx, &now)
	noteRemoved(e, rows, func(old, n uint64) uint64 { return max(old, n) })
	return err
}

// noteRemoved takes numbers over into the receipt.
func noteRemoved(e *schemas.Erasure, found map[string]uint64, join func(old, n uint64) uint64) {
	if e.Removed == nil {
		e.Removed = map[string]uint64{}
	}
	for name, n := range found {
		if n > 0 {
			e.Removed[name] = join(e.Removed[name], n)
		}
	}
}

// tellUsers tells the processor that the users are erased, with what stays of each, and waits until the tables show it. What stays is asked for
// when everything stored before is processed: what comes now is redacted.
func (a *App) tellUsers(ctx context.Context, e *schemas.Erasure) error {
	if _, err := a.stream.Settle(ctx, e.Account); err != nil {
		return err
	}
	var parts []schemas.PersonErasure
	for _, id := range e.UserIDs {
		remains, err := a.stream.Remains(ctx, e.Account, id)
		if err != nil {
			return err
		}
		parts = append(parts, schemas.PersonErasure{ID: schemas.ZID(id), Remains: remains})
	}
	return a.tellErasure(ctx, e, parts)
}

// eventTickets and eventEntries are how many tickets and entries one event of an erasure names, so that what follows from it fits into a
// commit in most cases.
const (
	eventTickets = 20
	eventEntries = 500
)

// tellWords tells the processor which tickets lose words and which entries in audiences stay, and waits until the tables show it.
func (a *App) tellWords(ctx context.Context, e *schemas.Erasure) error {
	entries, err := a.db.ErasedEntries(ctx, e)
	if err != nil {
		return err
	}
	var parts []schemas.PersonErasure
	for tickets := range slices.Chunk(slices.Concat(e.Tickets, e.Others), eventTickets) {
		parts = append(parts, schemas.PersonErasure{ID: schemas.ZID(e.UserIDs[0]), Tickets: tickets})
	}
	for chunk := range slices.Chunk(entries, eventEntries) {
		parts = append(parts, schemas.PersonErasure{ID: schemas.ZID(e.UserIDs[0]), Entries: chunk})
	}
	return a.tellErasure(ctx, e, parts)
}

// tellErasure tells the processor of an erasure, and waits until the tables show it.
func (a *App) tellErasure(ctx context.Context, e *schemas.Erasure, parts []schemas.PersonErasure) error {
	events := make([]schemas.Event, 0, len(parts))
	for i, p := range parts {
		data, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("user %d: %w", p.ID, err)
		}
		events = append(events, schemas.Event{
			ID: fmt.Sprintf("erase:%s:%d:%d", e.ID, e.Revision, i), Kind: schemas.KindErasure, Source: e.Source, Account: e.Account, Via: "api",
			ReceivedAt: a.Now().UTC(), Data: data,
		})
	}
	if err := a.stream.Publish(ctx, events...); err != nil {
		return err
	}
	_, err := a.stream.Settle(ctx, e.Account)
	return err
}

// removeErased removes from stores what is out of force by now, and counts it.
func (a *App) removeErased(ctx context.Context, e *schemas.Erasure) error {
	note := func(found map[string]uint64, err error) error {
		noteRemoved(e, found, func(old, n uint64) uint64 { return old + n })
		return errors.Join(err, a.stream.PutErasure(ctx, e))
	}
	raw, err := a.stream.EraseRaw(ctx, e.Account, a.tombstones.redact)
	if err := note(map[string]uint64{"raw_events": raw}, err); err != nil {
		return err
	}
	dead, err := a.stream.EraseDead(ctx, e.Account, a.tombstones.redact)
	if err := note(map[string]uint64{"dead_letters": dead}, err); err != nil {
		return err
	}
	// The events that took the place of others are processed too, and may bring out rows again.
	if _, err := a.stream.Settle(ctx, e.Account); err != nil {
		return err
	}
	rows, err := a.db.Erase(ctx, e)
	noteRemoved(e, rows, func(old, n uint64) uint64 { return max(old, n) })
	if err != nil {
		return err
	}
	dropped, err := a.stream.Scrub(ctx, aboutErased(e))
	return note(map[string]uint64{"stream_messages": dropped}, err)
}

// aboutErased says whether an activity is about the person.
func aboutErased(e *schemas.Erasure) func([]byte) bool {
	users, tickets := map[int64]bool{}, map[int64]bool{}
	for _, id := range e.UserIDs {
		users[id] = true
	}
	for _, id := range slices.Concat(e.Tickets, e.Others) {
		tickets[id] = true
	}
	return func(data []byte) bool {
		var row struct {
			Account  string `json:"account"`
			UserID   int64  `json:"user_id"`
			TicketID int64  `json:"ticket_id"`
		}
		return json.Unmarshal(data, &row) == nil && strings.EqualFold(row.Account, e.Account) && (users[row.UserID] || tickets[row.TicketID])
	}
}
