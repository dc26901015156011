SELECT
  quarter,
  region,
  need_type,
  COUNT(DISTINCT person_key) AS persons
FROM needs_assessment
GROUP BY GROUPING SETS (
  (quarter, need_type),
  (quarter, region),
  (quarter, region, need_type)
)
