package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"sync"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Writer writes the blocks of one table. Blocks come one at a time: a second Write waits for the first.
type Writer struct {
	db    *DB
	table string

	mu    sync.Mutex
	parts *parts // nil until the table's columns are known
	// unsure says that the last Write failed, so that the next one may find its rows stored.
	unsure bool
}

// NewWriter makes the writer of a table of schemas.Tables.
func NewWriter(db *DB, table string) *Writer { return &Writer{db: db, table: table} }

// Table is the table it writes.
func (w *Writer) Table() string { return w.table }

// Write stores a block exactly once. It may be called again with the same block after any error or crash; with Block.Recover it looks
// for the rows first. The block must be cut the same way each time, because its insert tokens follow from its ends.
//
// A row that cannot be read is schemas.ErrInvalid and nothing of the block is stored. Rows of the block's token that are neither all
// there nor all absent are schemas.ErrConflict: someone changed them by hand, and the error says what to do. All other errors are
// schemas.ErrUnavailable: call again later.
func (w *Writer) Write(ctx context.Context, b schemas.Block) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.Table != w.table {
		return fmt.Errorf("table %s: %w: %s: %w", w.table, errOtherTable, b.Table, schemas.ErrInvalid)
	}
	if err := w.describe(ctx); err != nil {
		return err
	}
	defer w.parts.reset()
	look := b.Recover || w.unsure
	if err := w.parts.fill(ctx, b, look, w.db.options.Now()); err != nil {
		return err
	}
	for _, p := range w.parts.used {
		if err := w.store(ctx, b, p, look); err != nil {
			w.unsure = true
			return fmt.Errorf("table %s: block %d-%d: partition %s: %w", w.table, b.From, b.To, p.partition(), err)
		}
		w.db.metrics.rows.WithLabelValues(w.table).Add(float64(p.rows))
	}
	w.unsure = false
	return nil
}

//go:embed columns.sql
var columnsSQL string

// describe learns the table's columns once.
func (w *Writer) describe(ctx context.Context) error {
	if w.parts != nil {
		return nil
	}
	var names, types []string
	rows, err := w.db.queries.Query(parameters(ctx, "table", w.table), columnsSQL)
	if err != nil {
		return unavailable(fmt.Errorf("table %s: columns: %w", w.table, err))
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return unavailable(fmt.Errorf("table %s: columns: %w", w.table, err))
		}
		names, types = append(names, name), append(types, typ)
	}
	if err := rows.Err(); err != nil {
		return unavailable(fmt.Errorf("table %s: columns: %w", w.table, err))
	}
	p, err := newPlan(w.table, names, types)
	if err != nil {
		return unavailable(err)
	}
	w.parts = newParts(p)
	return nil
}

// maxAttempts bounds the inserts under new names when the server swallows the first one. Each name is new to its log of tokens, unless
// earlier recoveries were cut off by further power cuts.
const maxAttempts = 8

// store brings one part into the table. look says that it may be there already.
func (w *Writer) store(ctx context.Context, b schemas.Block, p *part, look bool) error {
	token := Token(b, p.partition())
	if !look {
		return w.insert(ctx, p, token)
	}
	for attempt := range maxAttempts {
		there, err := w.there(ctx, b, p, token)
		if err != nil || there {
			return err
		}
		name := token
		if attempt > 0 {
			// The insert was acknowledged and its rows are not there: the log knew the token although the rows were lost.
			name += "#" + strconv.Itoa(attempt)
			w.db.metrics.reinsert.WithLabelValues(w.table).Inc()
		}
		if err := w.insert(ctx, p, name); err != nil {
			return err
		}
		if p.least() == 0 {
			return nil // all of it may be dropped by retention at once, so looking again proves nothing
		}
	}
	return unavailable(fmt.Errorf("token %s: ClickHouse acknowledged %d inserts and holds none of their rows", token, maxAttempts))
}

// Token is the name under which the rows of a block in one partition are inserted.
func Token(b schemas.Block, partition string) string {
	return fmt.Sprintf("%s:%s:%d-%d:%s", b.Epoch, b.Table, b.From, b.To, partition)
}

//go:embed probe.sql
var probeSQL string

// there says whether the part is stored. An insert of one block into one partition is stored as a whole or not at all, so rows in
// between can only come from changes made to the stored rows, and are an error.
func (w *Writer) there(ctx context.Context, b schemas.Block, p *part, token string) (bool, error) {
	var count proto.ColUInt64
	err := w.db.inserts.do(ctx, func(ctx context.Context, c *ch.Client) error {
		return c.Do(ctx, ch.Query{
			Body: probeSQL,
			Parameters: ch.Parameters(map[string]any{
				"table": w.table, "from": b.From, "to": b.To, "token": token,
			}),
			Result: proto.Results{{Name: "rows", Data: &count}},
		})
	})
	if err != nil {
		return false, fmt.Errorf("probe: %w", err)
	}
	if len(count) != 1 {
		return false, unavailable(fmt.Errorf("probe: %d answers", len(count)))
	}
	found := int(count[0])
	switch {
	case found == 0:
		w.db.metrics.probes.WithLabelValues(w.table, "absent").Inc()
		return false, nil
	case found <= p.rows && found >= p.least():
		w.db.metrics.probes.WithLabelValues(w.table, "present").Inc()
		return true, nil
	}
	w.db.metrics.probes.WithLabelValues(w.table, "torn").Inc()
	return false, fmt.Errorf("%w: %d rows carry the token %s, expected %d to %d or none; they were changed outside of this program: "+
		"delete them (ALTER TABLE %s DELETE WHERE startsWith(_batch, '%s')) and the block is written again",
		schemas.ErrConflict, found, token, p.least(), p.rows, w.table, token)
}

// insert sends the part as one block under a name.
func (w *Writer) insert(ctx context.Context, p *part, name string) error {
	p.name(name)
	started := time.Now()
	err := w.db.inserts.do(ctx, func(ctx context.Context, c *ch.Client) error {
		return c.Do(ctx, ch.Query{Body: p.input.Into(w.table), Input: p.input, Settings: insertSettings(name, p.rows)})
	})
	if err != nil {
		return fmt.Errorf("insert %d rows: %w", p.rows, err)
	}
	w.db.metrics.seconds.WithLabelValues(w.table).Observe(time.Since(started).Seconds())
	return nil
}

// indexedRows is from how many rows on a part gets the indexes that skip granules when it is written. Below, it has few granules to skip,
// and merges add them: building and syncing them would be a fifth of ClickHouse's work on a small insert.
const indexedRows = 2000

// insertSettings make an insert synchronous (the default since 26.2 is a queue in memory) and droppable when it is repeated.
func insertSettings(token string, rows int) []ch.Setting {
	settings := []ch.Setting{
		{Key: "async_insert", Value: "0", Important: true},
		{Key: "insert_deduplicate", Value: "1", Important: true},
		{Key: "insert_deduplication_token", Value: token, Important: true},
	}
	if rows < indexedRows {
		settings = append(settings, ch.Setting{Key: "materialize_skip_indexes_on_insert", Value: "0", Important: true})
	}
	return settings
}
