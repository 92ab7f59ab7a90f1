-- First and last occurrence and count of each activity of users.
SELECT account, user_id, activity, first_at, last_at, count
FROM person_activities FINAL
PREWHERE account IN {accounts:Array(String)} AND user_id IN {users:Array(Int64)}
SETTINGS max_threads = 1
