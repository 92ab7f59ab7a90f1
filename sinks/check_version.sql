SELECT toString(max(version_id)) FROM schema_versions WHERE is_applied = 1
