-- The person with a phone number, the oldest one of several.
SELECT _row
FROM people FINAL
PREWHERE account IN {accounts:Array(String)} AND phone_number = {phone:String} AND phone_number != ''
ORDER BY created_at
LIMIT 1
SETTINGS max_threads = 1
