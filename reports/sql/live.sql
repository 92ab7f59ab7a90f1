-- Counters of the live view.
SELECT
    (SELECT toInt64(count()) FROM tickets FINAL WHERE account IN {accounts:Array(String)} AND deleted = 0 AND status IN ('new', 'open', 'pending', 'hold')) AS unsolved,
    (SELECT toInt64(count()) FROM tickets FINAL WHERE account IN {accounts:Array(String)} AND deleted = 0 AND created_at >= toDateTime({today:UInt32}, 'UTC')) AS created,
    (SELECT sum(count) FROM activity_counts FINAL WHERE account IN {accounts:Array(String)} AND at >= toDateTime({today:UInt32}, 'UTC')) AS activities,
    (SELECT toInt64(count()) FROM people FINAL WHERE account IN {accounts:Array(String)}) AS people
