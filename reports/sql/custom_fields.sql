-- Keys of the customer's own fields that people have, with the JSON types of their values.
SELECT key, arraySort(groupUniqArray(JSONType(custom, key))) AS types
FROM
(
    SELECT custom, arrayJoin(JSONExtractKeys(custom)) AS key
    FROM people FINAL
    WHERE account IN {accounts:Array(String)} AND custom != '{}'
)
GROUP BY key
ORDER BY key
LIMIT 1000
