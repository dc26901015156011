SELECT
  quarter,
  region,
  sex,
  age_group,
  COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, region),
  (quarter, region, sex),
  (quarter, region, age_group),
  (quarter, sex, age_group)
)
