SELECT name, value
FROM system.merge_tree_settings
WHERE name IN ('fsync_after_insert', 'fsync_part_directory', 'non_replicated_deduplication_window', 'max_suspicious_broken_parts', 'merge_with_ttl_timeout')
