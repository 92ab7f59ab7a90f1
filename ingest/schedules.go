package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"deskstream/schemas"
)

// withHolidays asks for the holidays of each schedule and puts them into it.
func withHolidays(ctx context.Context, client *Client, rows []json.RawMessage) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, 0, len(rows))
	for _, row := range rows {
		id := headOf(row).ID
		if id == 0 {
			out = append(out, row)
			continue
		}
		var answer struct {
			Holidays json.RawMessage `json:"holidays"`
		}
		err := client.GetJSON(ctx, "/api/v2/business_hours/schedules/"+id.String()+"/holidays.json", nil, &answer)
		switch {
		case errors.Is(err, schemas.ErrNotFound):
		case err != nil:
			return nil, err
		case len(answer.Holidays) == 0 || answer.Holidays[0] != '[':
			return nil, fmt.Errorf("holidays of schedule %d: answer: %w: no \"holidays\" in it", id, schemas.ErrUnavailable)
		default:
			row = withMember(row, "holidays", answer.Holidays)
		}
		out = append(out, row)
	}
	return out, nil
}

// timetable is what was stored last of the schedules of an account. Their run guards it. A schedule may become again what it was, when a holiday is taken
// away, and its updated_at stays; so only what was stored last counts as known, not all that ever was.
type timetable struct {
	ids  string                 // the list of them, as JSON
	last map[schemas.ZID]string // each of them, by id
}

// changed makes the events of the schedules that are not what was stored last.
func (t *timetable) changed(s schemas.Source, rows []json.RawMessage, now time.Time) []schemas.Event {
	var events []schemas.Event
	for _, e := range eventsOf(s, schemas.KindSchedule, rows, now) {
		switch last := t.last[headOf(e.Data).ID]; last {
		case string(e.Data):
			continue
		case "":
		default:
			e.ID += ":" + now.UTC().Format(time.RFC3339Nano) // it may have been like this before
		}
		events = append(events, e)
	}
	return events
}

// list tells which schedules there are, when that is not what was stored last: a deleted one is only missing in the list.
func (t *timetable) list(s schemas.Source, rows []json.RawMessage, now time.Time) []schemas.Event {
	list := schemas.ScheduleList{IDs: make([]schemas.ZID, 0, len(rows))}
	for _, row := range rows {
		id := headOf(row).ID
		if id <= 0 {
			return nil // Which one it is cannot be told, and it must not end.
		}
		list.IDs = append(list.IDs, id)
	}
	slices.Sort(list.IDs)
	data, err := json.Marshal(list)
	if err != nil || string(data) == t.ids {
		return nil
	}
	id := "zd:" + s.Account + ":schedules:" + schemas.HashID(string(data))
	if t.ids != "" {
		id += ":" + now.UTC().Format(time.RFC3339Nano)
	}
	return []schemas.Event{{
		ID: id, Kind: schemas.KindSchedules, Source: s.ID, Account: s.Account, Via: "poll",
		ReceivedAt: now.UTC(), Data: data,
	}}
}

// noSchedules tells once that an account has none whose plan has none, as an empty list would: those that are made later count from then on. Where some
// were read before they are only out of sight.
func (r *runner) noSchedules(ctx context.Context, res resource, cur schemas.Cursor, refused error) (schemas.Cursor, error) {
	status := new(StatusError)
	if cur.Rows > 0 || !errors.As(refused, &status) || status.Path != res.path { // It may be only their holidays that are refused.
		return cur, refused
	}
	events := r.schedules.list(*r.source.Load(), nil, r.p.Now())
	if len(events) == 0 {
		return cur, refused
	}
	next, err := r.publishPage(ctx, res, cur, events)
	if err != nil {
		return cur, err
	}
	return next, refused
}

// stored notes an event that is in the store.
func (t *timetable) stored(e *schemas.Event) {
	if e.Kind == schemas.KindSchedules {
		t.ids = string(e.Data)
		return
	}
	if t.last == nil {
		t.last = map[schemas.ZID]string{}
	}
	t.last[headOf(e.Data).ID] = string(e.Data)
}
