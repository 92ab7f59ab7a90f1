-- +goose Up
-- A computed column is computed into the plan of every question to its table, a millisecond of it, also when nobody asks for it.
ALTER TABLE tickets DROP COLUMN IF EXISTS `_facts`;
ALTER TABLE people DROP COLUMN IF EXISTS `_row`;
-- Parts that are there get the index as they are merged, and are read whole until then.
ALTER TABLE tickets ADD INDEX IF NOT EXISTS ix_gone deleted + merged TYPE minmax GRANULARITY 1;

-- +goose Down
SELECT 1;
