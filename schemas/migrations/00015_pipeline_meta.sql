-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS pipeline_meta
(
    `stream` LowCardinality(String) COMMENT 'Name of the stream',
    `epoch` String COMMENT 'Identity of the stream: made once, kept in its metadata',
    `gen` UInt64 COMMENT 'Generation: raised by a rebuild, so that rebuilt rows outrank older ones',
    `last_seq` UInt64 COMMENT 'Largest stream position known to be stored',
    `recorded_at` DateTime64(3, 'UTC') COMMENT 'When this row was written, UTC'
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (stream)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'What the pipeline last knew of its streams: a stream that is missing, replaced or shorter stops the start';
-- +goose StatementEnd

-- +goose Down
DROP TABLE IF EXISTS pipeline_meta;
