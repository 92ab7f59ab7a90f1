    count(seconds) AS count,
    avg(seconds) AS mean_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[1]) AS median_s,
    if(count = 0, NULL, quantilesExactInclusive(0.5, 0.9)(seconds)[2]) AS p90_s,
    ifNull(sum(seconds), 0) AS sum_s
