SELECT
  quarter,
  region,
  SUM(amount_mad) AS amount,
  AVG(amount_mad) AS average
FROM assistance_service
WHERE service_type = 'CASH'
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, region)
)
