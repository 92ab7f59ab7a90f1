-- Which of some audiences people are in.
SELECT toString(account) AS account, toString(audience_id) AS audience_id, person_id, since, is_deleted
FROM audience_members FINAL
PREWHERE account IN {accounts:Array(String)} AND audience_id IN {audiences:Array(String)} AND person_id IN {persons:Array(String)}
