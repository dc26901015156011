SELECT
  quarter,
  COUNT(DISTINCT person_key) AS persons
FROM return_reintegration
GROUP BY GROUPING SETS (
  (quarter)
)
