-- The parts of each partition of the tickets.
SELECT partition_id, arrayStringConcat(arraySort(groupArray(name)), ' ') AS parts
FROM system.parts
WHERE database = currentDatabase() AND table = 'tickets' AND active
GROUP BY partition_id
