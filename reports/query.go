package reports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// settingsFor gives what holds for every query: a question must not outlive the one who asked it, nor take the machine.
func settingsFor(timeout time.Duration, most int) clickhouse.Settings {
	return clickhouse.Settings{
		"max_execution_time":                          int(max(1, (timeout+time.Second-1)/time.Second)),
		"max_result_rows":                             most,
		"result_overflow_mode":                        "throw",
		"do_not_merge_across_partitions_select_final": 1,
	}
}

// maxResultRows bounds what one query may return.
const maxResultRows = 200_000

// query runs a statement and calls scan for each row. name stands for it in figures and errors.
func (s *server) query(ctx context.Context, name, statement string, p params, scan func(driver.Rows) error) error {
	return s.queryWithin(ctx, s.QueryTimeout, maxResultRows+1, name, statement, p, scan)
}

// pingTime is how long ClickHouse has to answer a ping after it left a question without an answer.
const pingTime = time.Second

// queryWithin is query with a time and a most number of rows of its own (0 = any), for work that nobody waits for. A question that took too
// long is the fault of the question only where ClickHouse still answers others.
func (s *server) queryWithin(
	ctx context.Context, timeout time.Duration, most int, name, statement string, p params, scan func(driver.Rows) error,
) error {
	err := s.queryOnce(ctx, timeout, most, name, statement, p, scan)
	if !errors.Is(err, errTimeout) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if checkResult(ctx, Check{Name: "clickhouse", Check: s.DB.Ping}) != checkOK {
		return &queryError{what: name, name: "no answer", class: schemas.ErrUnavailable, err: err}
	}
	return err
}

func (s *server) queryOnce(
	ctx context.Context, timeout time.Duration, most int, name, statement string, p params, scan func(driver.Rows) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	defer func() { s.metrics.queries.WithLabelValues(name).Observe(time.Since(start).Seconds()) }()
	bound := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(p)), clickhouse.WithSettings(settingsFor(timeout, most)))
	rows, err := s.DB.Query(bound, statement)
	if err != nil {
		return s.queryFailed(name, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("query %s: %w", name, err)
		}
	}
	return s.queryFailed(name, rows.Err())
}

// list runs a statement whose columns carry the `ch` names of T.
func list[T any](ctx context.Context, s *server, name, statement string, p params) ([]T, error) {
	return listWithin[T](ctx, s, s.QueryTimeout, name, statement, p)
}

// listWithin is list with a time of its own.
func listWithin[T any](ctx context.Context, s *server, timeout time.Duration, name, statement string, p params) ([]T, error) {
	items := []T{}
	err := s.queryWithin(ctx, timeout, maxResultRows+1, name, statement, p, func(rows driver.Rows) error {
		var v T
		if err := rows.ScanStruct(&v); err != nil {
			return err
		}
		items = append(items, v)
		return nil
	})
	return items, err
}

// one is list for statements that give at most one row; ok is false when there is none.
func one[T any](ctx context.Context, s *server, name, statement string, p params) (v T, ok bool, err error) {
	items, err := list[T](ctx, s, name, statement, p)
	if err != nil || len(items) == 0 {
		return v, false, err
	}
	return items[0], true, nil
}
