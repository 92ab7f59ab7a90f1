-- Ticket figures of users.
SELECT
    account, user_id, tickets_total, tickets_open, tickets_closed, good_ratings, bad_ratings, first_ticket_at, last_ticket_at, last_ticket_id,
    last_ticket_subject, toString(last_ticket_status) AS last_ticket_status, toString(last_satisfaction_score) AS last_satisfaction_score,
    last_satisfaction_at
FROM person_stats FINAL
PREWHERE account IN {accounts:Array(String)} AND user_id IN {users:Array(Int64)}
SETTINGS max_threads = 1
