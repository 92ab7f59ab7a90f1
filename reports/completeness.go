package reports

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// completeness says how the stored tickets compare with Zendesk's own count of them.
type completeness struct {
	_ struct{} `nullable:"true"` // read by huma

	CheckedAt      time.Time `json:"checked_at" doc:"When Zendesk was asked how many tickets it has"`
	ZendeskTickets int64     `json:"zendesk_tickets" doc:"Tickets created within the longest retention, without deleted ones and the last minutes before the check"`
	StoredTickets  int64     `json:"stored_tickets" doc:"The same tickets as they are stored"`
	MissingTickets int64     `json:"missing_tickets" doc:"Known to be missing, by period of creation: one too many in one period does not make up for one too few in another"`

	since time.Time // start of the first period that lacks some
}

const (
	// completeFresh is how long a comparison holds as long as Zendesk was not asked again.
	completeFresh = time.Minute
	// completeLook is how often Run compares.
	completeLook = 30 * time.Second
	// defaultReread leaves the pipeline time to store what was read before the check.
	defaultReread = 10 * time.Minute
)

// comparisons remembers the newest one of each source. It is safe for concurrent use.
type comparisons struct {
	server *server

	mu    sync.Mutex
	known map[string]*comparison // by source id
}

// comparison is what came of one check.
type comparison struct {
	checkedAt time.Time
	cached[completeness]
}

// of compares, or gives what is known of the same check when it is not older than fresh, or when nothing was missing: what was complete
// stays so. It is nil before the first check.
func (c *comparisons) of(ctx context.Context, src *synced, fresh time.Duration) (*completeness, error) {
	i := slices.IndexFunc(src.cursors, func(cur schemas.Cursor) bool { return cur.Counts != nil })
	if i < 0 {
		return nil, nil
	}
	at := c.check(src, src.cursors[i].Counts)
	if known, ok := at.known(); ok && known.MissingTickets == 0 {
		return &known, nil
	}
	out, err := at.get(ctx, fresh)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// check gives the comparison with the counts of one check, which takes the place of the one before.
func (c *comparisons) check(src *synced, counts *schemas.TicketCounts) *comparison {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.known[src.ID]
	if at == nil || !at.checkedAt.Equal(counts.CheckedAt) {
		account := src.Account
		at = &comparison{checkedAt: counts.CheckedAt}
		at.now = c.server.Now
		at.read = func(ctx context.Context) (completeness, error) { return c.server.compare(ctx, account, counts) }
		c.known[src.ID] = at
	}
	return at
}

// compare counts the stored tickets by the periods of a check.
func (s *server) compare(ctx context.Context, account string, counts *schemas.TicketCounts) (completeness, error) {
	out := completeness{CheckedAt: counts.CheckedAt}
	if len(counts.Periods) == 0 {
		return out, nil
	}
	starts := make([]time.Time, len(counts.Periods))
	for i, period := range counts.Periods {
		starts[i] = period.From
	}
	p := params{}
	p.text("account", account)
	p.times("starts", starts)
	p.time("from", starts[0])
	p.time("to", counts.To)
	p.time("counted", counts.CheckedAt.Add(-schemas.CountSlack))
	stored := map[uint32]int64{}
	err := s.query(ctx, "completeness", sqlText("completeness"), p, func(rows driver.Rows) error {
		var bucket uint32
		var n uint64
		err := rows.Scan(&bucket, &n)
		stored[bucket] = int64(n)
		return err
	})
	for _, period := range counts.Periods {
		out.add(period, stored[uint32(unix32(period.From))])
	}
	return out, err
}

func (c *completeness) add(period schemas.TicketCount, stored int64) {
	c.ZendeskTickets += period.Tickets
	c.StoredTickets += stored
	if missing := period.Tickets - stored; missing > 0 {
		if c.MissingTickets == 0 {
			c.since = period.From
		}
		c.MissingTickets += missing
	}
}

// completeness adds up all sources, as of the oldest check; nil as long as one that is read was not checked.
func (s *server) completeness(ctx context.Context, sources []synced) (*completeness, error) {
	var all *completeness
	for i := range sources {
		one, err := s.compared.of(ctx, &sources[i], completeFresh)
		if err != nil || one == nil && sources[i].Missing() == "" {
			return nil, err
		}
		if one == nil {
			continue
		}
		if all == nil {
			all = one
			continue
		}
		if one.CheckedAt.Before(all.CheckedAt) {
			all.CheckedAt = one.CheckedAt
		}
		all.ZendeskTickets += one.ZendeskTickets
		all.StoredTickets += one.StoredTickets
		all.MissingTickets += one.MissingTickets
	}
	return all, nil
}

// Run does what the API has to do beside answering, until ctx ends: it compares the stored tickets with Zendesk's counts, shows in the
// figures how many are missing, has tickets read again that are missing Options.RereadAfter after a check, tells processors what is
// decided about fields, has saved phrases counted in what was there before them, and follows how far the tables are complete.
func (a *API) Run(ctx context.Context) error {
	var filling sync.WaitGroup
	filling.Go(func() { a.server.keepCounted(ctx) })
	filling.Go(func() { a.server.keepTold(ctx) })
	filling.Go(func() { a.server.keepLanded(ctx, landedFollow) })
	defer filling.Wait()
	return a.server.keepCompared(ctx)
}

func (s *server) keepCompared(ctx context.Context) error {
	ticker := time.NewTicker(min(completeLook, s.RereadAfter))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.reconcile(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg("tickets were not compared with Zendesk's count, will try again")
		}
	}
}

func (s *server) reconcile(ctx context.Context) error {
	sources, err := s.syncedSources(ctx)
	if err != nil {
		return err
	}
	for i := range sources {
		one, err := s.compared.of(ctx, &sources[i], 0)
		if err != nil {
			return err
		}
		if one == nil {
			continue
		}
		s.metrics.missing.WithLabelValues(sources[i].Account).Set(float64(one.MissingTickets))
		if one.MissingTickets > 0 && s.Now().Sub(one.CheckedAt) >= s.RereadAfter {
			if err := s.Connections.Reread(ctx, sources[i].ID, one.since); err != nil {
				return err
			}
		}
	}
	return nil
}
