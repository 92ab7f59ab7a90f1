-- Ticket figures of users behind one position and up to another.
SELECT
    toString(account) AS account, user_id, tickets_total, tickets_open, tickets_closed, good_ratings, bad_ratings, first_ticket_at, last_ticket_at,
    last_ticket_id, last_ticket_subject, toString(last_ticket_status) AS last_ticket_status, toString(last_satisfaction_score) AS last_satisfaction_score,
    last_satisfaction_at, _seq, _ver
FROM person_stats{{if .Final}} FINAL{{end}}
WHERE account IN {accounts:Array(String)} AND _seq > {from:UInt64} AND _seq <= {to:UInt64}
