SELECT
  quarter,
  region,
  CAST(COUNT(DISTINCT person_key) FILTER (WHERE urgent) AS DOUBLE) / COUNT(DISTINCT person_key) AS share
FROM needs_assessment
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, region)
)
