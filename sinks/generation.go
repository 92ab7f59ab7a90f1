package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"deskstream/schemas"
)

//go:embed drop_older.sql
var dropOlderSQL string

// DropOlder removes the rows of generations before gen from every table and returns when they are gone. After a replay the rows that
// still hold exist again under the new generation, so what is left of older ones is what the replay did not confirm.
func (db *DB) DropOlder(ctx context.Context, gen uint64) error {
	least := strconv.FormatUint(gen<<48, 10)
	for _, table := range schemas.Tables {
		ctx := waitForMutation(parameters(ctx, "table", table, "least", least))
		if err := db.queries.Exec(ctx, dropOlderSQL); err != nil {
			return unavailable(fmt.Errorf("rows before generation %d of %s: %w", gen, table, err))
		}
	}
	return nil
}
