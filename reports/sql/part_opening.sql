-- The span that opened last when the running status began, by the schedule in force at as_of, and how long was open until as_of by it.
ASOF LEFT JOIN
(
    SELECT
        account, toUInt32(opens) AS since, since AS opens_at, toUInt32(closes) AS closes_at, open_before_s + in_year AS open_before, schedule_id,
        max(open_before + least(closes_at, {as_of:UInt32}) - opens_at) OVER (PARTITION BY account) AS open_by_as_of
    FROM opening_hours FINAL
    ARRAY JOIN opens, closes, arrayPopBack(arrayPushFront(arrayCumSum(arrayMap((o, c) -> c - o, opens, closes)), 0)) AS in_year
    WHERE {{.Accounts}} AND opens <= {as_of:UInt32}
        AND (account, in_force_from) IN
        (
            SELECT account, max(in_force_from)
            FROM opening_hours FINAL
            WHERE {{.Accounts}} AND in_force_from <= toDateTime({as_of:UInt32}, 'UTC')
            GROUP BY account
        )
) AS h ON h.account = w.account AND h.since <= w.since
