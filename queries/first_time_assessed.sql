SELECT
  quarter,
  region,
  COUNT(DISTINCT person_key) AS persons
FROM needs_assessment
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, region)
)
