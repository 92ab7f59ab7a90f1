package schemas

import "embed"

// Migrations holds the ClickHouse migrations in goose's form, one table a file, in `migrations/`.
//
//go:embed migrations/*.sql
var Migrations embed.FS
