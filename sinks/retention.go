package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed retention_apply.sql
var retentionApplySQL string

// ApplyRetention gives the stored activities of an account the expiry that the retention asks for, whether shorter or longer, and
// returns when readers (who filter by expires_at) see it. Rows that ClickHouse has dropped do not come back: they need a new sync.
// It touches the table activities only; facts, counts and first and last occurrences outlive their activities. When ctx ends first,
// ClickHouse goes on by itself.
func (db *DB) ApplyRetention(ctx context.Context, account string, r schemas.Retention) error {
	if account == "" {
		return schemas.Invalid("account", "must name the Zendesk account")
	}
	slugs := slices.Sorted(maps.Keys(r.Activities))
	days := make([]string, len(slugs))
	for i, slug := range slugs {
		days[i] = strconv.Itoa(r.For(slug))
	}
	ctx = waitForMutation(parameters(ctx,
		"account", account, "base", r.For(""), "slugs", stringArray(slugs), "days", arrayLiteral("["+strings.Join(days, ",")+"]")))
	if err := db.queries.Exec(ctx, retentionApplySQL); err != nil {
		return unavailable(fmt.Errorf("retention of account %s: %w", account, err))
	}
	return nil
}

//go:embed expired_partitions.sql
var expiredPartitionsSQL string

//go:embed expire.sql
var expireSQL string

// Expire drops the expired activities from the disk now instead of at ClickHouse's next merge for it. It rewrites only partitions that
// hold such rows. ClickHouse removes the files of the old parts some minutes later (old_parts_lifetime).
func (db *DB) Expire(ctx context.Context) error {
	partitions, err := db.strings(ctx, expiredPartitionsSQL)
	if err != nil {
		return unavailable(fmt.Errorf("expired activities: %w", err))
	}
	for _, id := range partitions {
		if err := db.queries.Exec(waitForMutation(parameters(ctx, "partition", id)), expireSQL); err != nil {
			return unavailable(fmt.Errorf("expired activities: partition %s: %w", id, err))
		}
	}
	return nil
}

// strings gives the first column of a query.
func (db *DB) strings(ctx context.Context, query string) ([]string, error) {
	rows, err := db.queries.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// waitForMutation makes an ALTER return when its work is done.
func waitForMutation(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"mutations_sync": 1}))
}
