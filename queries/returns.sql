SELECT
  quarter,
  year,
  region,
  return_stage,
  destination_group,
  COUNT(DISTINCT person_key) AS persons
FROM return_reintegration
GROUP BY GROUPING SETS (
  (quarter, return_stage),
  (year, return_stage, destination_group),
  (year, region, return_stage)
)
