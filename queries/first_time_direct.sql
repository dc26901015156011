SELECT
  quarter,
  region,
  COUNT(DISTINCT person_key) AS persons
FROM person_registration
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, region)
)
