-- How many people are in audiences.
SELECT toString(audience_id) AS id, count() AS members
FROM audience_members FINAL
WHERE account IN {accounts:Array(String)} AND audience_id IN {audiences:Array(String)}
GROUP BY id
