-- +goose Up
-- A computed column is computed into the plan of every question to its table, a millisecond of it, also when nobody asks for it.
ALTER TABLE tickets DROP COLUMN IF EXISTS `_facts`;
ALTER TABLE people DROP COLUMN IF EXISTS `_row`;

-- +goose Down
SELECT 1;
