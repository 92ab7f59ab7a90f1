package reports

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// brokenDB is a database that cannot be reached.
type brokenDB struct{ driver.Conn }

var errAway = errors.New("dial secret-address:9000: refused")

func (brokenDB) Ping(context.Context) error { return errAway }

func (brokenDB) Query(context.Context, string, ...any) (driver.Rows, error) { return nil, errAway }
