-- The span that opened last when the running status began, by the schedule in force at as_of, and how long was open until as_of by it.
ASOF LEFT JOIN
(
    SELECT
        account, toUnixTimestamp(opens_at) AS since, since AS opens, toUnixTimestamp(closes_at) AS closes, open_before_s, schedule_id,
        max(open_before_s + least(closes, {as_of:UInt32}) - opens) OVER (PARTITION BY account) AS open_by_as_of
    FROM opening_hours FINAL
    WHERE account IN {accounts:Array(String)} AND opens_at <= toDateTime({as_of:UInt32}, 'UTC')
        AND (account, in_force_from) IN
        (
            SELECT account, max(in_force_from)
            FROM opening_hours FINAL
            WHERE account IN {accounts:Array(String)} AND in_force_from <= toDateTime({as_of:UInt32}, 'UTC')
            GROUP BY account
        )
) AS h ON h.account = w.account AND h.since <= w.since
