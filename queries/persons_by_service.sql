SELECT
  quarter,
  region,
  service_type,
  COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS (
  (quarter, service_type),
  (quarter, region, service_type)
)
