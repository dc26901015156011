SELECT
  quarter,
  region,
  sex,
  COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, region),
  (quarter, sex)
)
