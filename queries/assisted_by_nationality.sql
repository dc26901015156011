SELECT
  year,
  region,
  nationality_group,
  COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS (
  (year),
  (year, nationality_group),
  (year, region, nationality_group)
)
