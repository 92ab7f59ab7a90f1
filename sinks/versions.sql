CREATE TABLE IF NOT EXISTS schema_versions
(
    `version_id` Int64 COMMENT 'Number of the migration',
    `is_applied` UInt8 COMMENT '1 if it was applied',
    `date` Date DEFAULT now() COMMENT 'Day on which it was applied',
    `tstamp` DateTime DEFAULT now() COMMENT 'When it was applied, time zone of the server'
)
ENGINE = MergeTree
ORDER BY version_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000
COMMENT 'Migrations of this database'
