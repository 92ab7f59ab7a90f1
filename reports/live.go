package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// What the live feed shows and how often it looks.
const (
	liveInterval = time.Second
	liveNewest   = 20
	liveViewers  = 100 // open streams of one process
	liveWrite    = 10 * time.Second
)

// liveFeed looks at ClickHouse once a second while somebody watches, whatever the number of viewers.
type liveFeed struct {
	ending context.Context // of all streams, besides the one of each request
	end    context.CancelFunc

	newest cached[*liveMessage]

	mu      sync.Mutex
	viewers int
}

// liveMessage is one message of GET /v1/live.
type liveMessage struct {
	At       time.Time        `json:"at"`
	Counters map[string]int64 `json:"counters" doc:"tickets_unsolved, tickets_created_today, activities_today, people"`
	Newest   []feedItem       `json:"newest" doc:"Newest activities first"`
}

func newLiveFeed(s *server) *liveFeed {
	f := &liveFeed{newest: cached[*liveMessage]{now: time.Now, read: s.lookLive}}
	f.ending, f.end = context.WithCancel(context.Background())
	return f
}

func (s *server) liveRoutes() {
	s.handleRaw(route{
		method: http.MethodGet, path: "/v1/live", id: "live", tag: tagReports, summary: "Counters and newest activities, as server-sent events",
		scopes: []string{scopeReports}, detail: "At most one message a second, and only when something changed.",
	}, "text/event-stream", s.serveLive)
}

func (s *server) serveLive(w http.ResponseWriter, r *http.Request) {
	if bad := strayParameters(nil, r.URL.Query()); len(bad) > 0 {
		writeProblem(w, problemOf(invalidFields(bad)))
		return
	}
	if !s.live.enter() {
		writeProblem(w, problemOf(errBusy))
		return
	}
	defer s.live.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(s.live.ending, cancel)
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return // a stream that may send nothing would never end
	}
	control := http.NewResponseController(w)
	ticker := time.NewTicker(liveInterval)
	defer ticker.Stop()
	sent := ""
	for {
		err := s.permitRequest(r, scopeReports) // the key may have ended meanwhile
		var message *liveMessage
		if err == nil {
			message, err = s.live.message(ctx)
		}
		if err == nil {
			err = writeLive(w, control, message, &sent)
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Debug().Err(err).Msg("live feed ended")
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// writeLive sends a message if it says something new, else a comment that keeps the connection open.
func writeLive(w http.ResponseWriter, control *http.ResponseController, m *liveMessage, sent *string) error {
	body, err := json.Marshal(map[string]any{"counters": m.Counters, "newest": m.Newest})
	if err != nil {
		return err
	}
	_ = control.SetWriteDeadline(time.Now().Add(liveWrite)) // not every connection has deadlines
	if string(body) == *sent {
		_, err = fmt.Fprint(w, ": same\n\n")
	} else {
		full, _ := json.Marshal(m) // the same parts were written a moment ago
		_, err = fmt.Fprintf(w, "event: live\ndata: %s\n\n", full)
		*sent = string(body)
	}
	if err != nil {
		return err
	}
	return control.Flush()
}

func (f *liveFeed) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.viewers >= liveViewers {
		return false
	}
	f.viewers++
	return true
}

func (f *liveFeed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.viewers--
}

// message gives what is there now, looked up at most once a second for all viewers.
func (f *liveFeed) message(ctx context.Context) (*liveMessage, error) {
	return f.newest.get(ctx, liveInterval)
}

func (s *server) lookLive(ctx context.Context) (*liveMessage, error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	local := now.In(s.Location)
	p := params{}
	p.texts("accounts", accounts)
	p.time("today", schemas.StartOfDay(local.Year(), local.Month(), local.Day(), s.Location))
	m := &liveMessage{At: now.UTC().Truncate(time.Second)}
	err = s.query(ctx, "live", sqlText("live"), p, func(rows driver.Rows) error {
		var unsolved, created, activities, people int64
		if err := rows.Scan(&unsolved, &created, &activities, &people); err != nil {
			return err
		}
		m.Counters = map[string]int64{"tickets_unsolved": unsolved, "tickets_created_today": created, "activities_today": activities, "people": people}
		return nil
	})
	if err != nil {
		return nil, err
	}
	newest, err := s.feed(ctx, feedQuery{accounts: accounts, since: now.AddDate(0, 0, -1), Paging: Paging{Limit: liveNewest}})
	m.Newest = newest.Items
	return m, err
}
