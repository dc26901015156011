SELECT
  quarter,
  region,
  service_type,
  snia_axis,
  COUNT(*) AS services
FROM assistance_service
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, service_type),
  (quarter, region),
  (quarter, region, service_type),
  (quarter, snia_axis)
)
