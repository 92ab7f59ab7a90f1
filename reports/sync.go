package reports

import (
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

type syncAnswer struct {
	Streams         []syncStream  `json:"streams" doc:"In the order in which they are read at first"`
	InitialSyncDone bool          `json:"initial_sync_done" doc:"Every stream was read to its end once"`
	SecondsLeft     *int64        `json:"seconds_left" doc:"Estimate for the streams that are read for the first time now; those that wait are not in it"`
	Completeness    *completeness `json:"completeness" doc:"The stored tickets beside Zendesk's own count; null before the first check"`
}

type syncStream struct {
	Stream      string     `json:"stream"`
	State       string     `json:"state" enum:"waiting,idle,running,failing,reauthorize"`
	LastRunAt   *time.Time `json:"last_run_at"`
	NextRunAt   *time.Time `json:"next_run_at"`
	Through     *time.Time `json:"through" doc:"Data is complete up to here"`
	LagSeconds  *int64     `json:"lag_seconds" doc:"How long ago that is"`
	Rows        uint64     `json:"rows"`
	Progress    *float64   `json:"progress" doc:"0 to 1 while it is read for the first time, else null"`
	SecondsLeft *int64     `json:"seconds_left" doc:"Estimate for the rest of the first reading, from its pace so far"`
	LastError   *string    `json:"last_error"`
}

// TransformSchema is read by huma.
func (*syncStream) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return documented(s, "state", "waiting = its first reading has not begun; reauthorize = Zendesk does not take the credentials of the source any more, "+
		"so nothing is read until it is authorized again")
}

func (s *server) syncState(ctx context.Context, in *byID) (*answer[syncAnswer], error) {
	src, err := s.source(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	cursors, err := s.Sources.Cursors(ctx, in.ID)
	if err != nil {
		return nil, storeError(err)
	}
	out := syncAnswer{InitialSyncDone: readOnce(cursors)}
	for _, name := range slices.Concat(schemas.Resources, []string{schemas.ResourceTicketCounts}) {
		v := syncStream{Stream: name, State: "waiting"}
		if i := slices.IndexFunc(cursors, func(c schemas.Cursor) bool { return c.Resource == name }); i >= 0 {
			v = syncStreamOf(cursors[i], s.Now())
		}
		v.stand(&src)
		if v.SecondsLeft != nil {
			if out.SecondsLeft == nil {
				out.SecondsLeft = new(int64)
			}
			*out.SecondsLeft += *v.SecondsLeft
		}
		out.Streams = append(out.Streams, v)
	}
	out.Completeness, err = s.compared.of(ctx, &synced{src, cursors}, completeFresh)
	return reply(out, err)
}

func syncStreamOf(c schemas.Cursor, now time.Time) syncStream {
	v := syncStream{
		Stream: c.Resource, State: c.State, LastRunAt: c.LastRunAt, NextRunAt: c.NextRunAt, Through: c.Through, Rows: c.Rows, Progress: progress(c, now),
	}
	if c.Through != nil {
		v.LagSeconds = new(max(int64(now.Sub(*c.Through)/time.Second), 0))
	}
	if v.Progress != nil && *v.Progress > 0 && c.BeganAt != nil {
		took := now.Sub(*c.BeganAt).Seconds()
		v.SecondsLeft = new(int64(max(took*(1-*v.Progress) / *v.Progress, 0)))
	}
	if c.LastError != "" {
		v.LastError = &c.LastError
	}
	return v
}

// refusedError is the last_error of all streams of a source that must be authorized again.
const refusedError = "Zendesk does not take the credentials of the source any more: authorize it again"

// stand takes back what a cursor planned when its source is not read any more, and says why where that is no wish of a person.
func (v *syncStream) stand(src *schemas.Source) {
	if src.Missing() == "" {
		return
	}
	v.NextRunAt, v.SecondsLeft = nil, nil
	if src.Error == schemas.Reauthorize {
		v.State, v.LastError = schemas.Reauthorize, new(refusedError)
	}
}

// progress tells how far the first reading is: the time it has reached, on the way from its first row to now. Nothing may be before that
// row, however far back was asked.
func progress(c schemas.Cursor, now time.Time) *float64 {
	if c.Done || c.First == nil || c.Through == nil || !now.After(*c.First) {
		return nil
	}
	done := c.Through.Sub(*c.First).Seconds() / now.Sub(*c.First).Seconds()
	return new(min(max(done, 0), 1))
}

// readOnce says whether every stream of a source was read to its end once. One that has not begun has no cursor yet.
func readOnce(cursors []schemas.Cursor) bool {
	done := map[string]bool{}
	for _, c := range cursors {
		done[c.Resource] = c.Done
	}
	for _, r := range schemas.Resources {
		if !done[r] {
			return false
		}
	}
	return true
}
