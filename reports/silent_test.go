package reports

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// silentDB is a database that takes questions and never answers them; ping says whether it answers at all.
type silentDB struct {
	driver.Conn
	ping func(context.Context) error
}

func (d silentDB) Ping(ctx context.Context) error { return d.ping(ctx) }

func (silentDB) Query(ctx context.Context, _ string, _ ...any) (driver.Rows, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A question without an answer in time is too much for a ClickHouse that answers pings, and nobody's fault while it hangs.
func TestHungClickHouseIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ping func(context.Context) error
		want int
		code string
	}{
		{"answers pings", func(context.Context) error { return nil }, 504, "query-timeout"},
		{"hangs", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 503, "unavailable"},
		{"is away", func(context.Context) error { return errors.New("refused") }, 503, "unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, silentDB{ping: c.ping}, func(o *Options) { o.QueryTimeout = 20 * time.Millisecond })
			for _, path := range []string{"/v1/reports/tickets_created", "/v1/reports/backlog"} {
				s.wantProblem(s.call("GET", path, "reports-key", nil), c.want, c.code)
			}
		})
	}
}
