package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed meta_load.sql
var metaLoadSQL string

// LoadMeta gives what was last recorded of each stream, ordered by name.
func (db *DB) LoadMeta(ctx context.Context) ([]schemas.StreamMeta, error) {
	rows, err := db.queries.Query(ctx, metaLoadSQL)
	if err != nil {
		return nil, unavailable(fmt.Errorf("pipeline meta: load: %w", err))
	}
	defer func() { _ = rows.Close() }()
	var all []schemas.StreamMeta
	for rows.Next() {
		var m schemas.StreamMeta
		if err := rows.Scan(&m.Stream, &m.Epoch, &m.Gen, &m.LastSeq, &m.RecordedAt); err != nil {
			return nil, unavailable(fmt.Errorf("pipeline meta: load: %w", err))
		}
		all = append(all, m)
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable(fmt.Errorf("pipeline meta: load: %w", err))
	}
	return all, nil
}

//go:embed meta_save.sql
var metaSaveSQL string

// SaveMeta records a stream; the newest RecordedAt counts. It is on disk when SaveMeta returns.
func (db *DB) SaveMeta(ctx context.Context, m schemas.StreamMeta) error {
	if m.RecordedAt.IsZero() {
		m.RecordedAt = db.options.Now()
	}
	// Two equal records are no repeated insert: an older one may have been saved in between.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0, "insert_deduplicate": 0}))
	batch, err := db.queries.PrepareBatch(ctx, metaSaveSQL)
	if err != nil {
		return unavailable(fmt.Errorf("pipeline meta: stream %s: %w", m.Stream, err))
	}
	defer func() { _ = batch.Close() }()
	if err := batch.Append(m.Stream, m.Epoch, m.Gen, m.LastSeq, m.RecordedAt.UTC().Truncate(time.Millisecond)); err != nil {
		return fmt.Errorf("pipeline meta: stream %s: %w: %w", m.Stream, schemas.ErrInvalid, err)
	}
	if err := batch.Send(); err != nil {
		return unavailable(fmt.Errorf("pipeline meta: stream %s: %w", m.Stream, err))
	}
	return nil
}
