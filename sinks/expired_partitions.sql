SELECT DISTINCT _partition_id
FROM activities
WHERE expires_at <= now()
ORDER BY _partition_id
