package sinks

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed check_parts.sql
var checkPartsSQL string

//go:embed drop_part.sql
var dropPartSQL string

// DamagedParts reads all of a table and gives the names of the parts whose files are damaged.
func (db *DB) DamagedParts(ctx context.Context, table string) ([]string, error) {
	rows, err := db.queries.Query(parameters(ctx, "table", table), checkPartsSQL)
	if err != nil {
		return nil, unavailable(fmt.Errorf("table %s: check of its parts: %w", table, err))
	}
	defer func() { _ = rows.Close() }()
	var damaged []string
	for rows.Next() {
		var part, message string
		var passed uint8
		if err := rows.Scan(&part, &passed, &message); err != nil {
			return nil, unavailable(fmt.Errorf("table %s: check of its parts: %w", table, err))
		}
		if passed == 0 {
			damaged = append(damaged, part)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable(fmt.Errorf("table %s: check of its parts: %w", table, err))
	}
	return damaged, nil
}

// DropParts removes parts of a table with their rows: a statement that changes or deletes rows could not read them, and would be tried for ever.
func (db *DB) DropParts(ctx context.Context, table string, parts []string) error {
	for _, part := range parts {
		if err := db.queries.Exec(parameters(ctx, "table", table, "part", part), dropPartSQL); err != nil {
			return unavailable(fmt.Errorf("table %s: drop of the damaged part %s: %w", table, part, err))
		}
	}
	return nil
}
