SELECT
  quarter,
  COUNT(DISTINCT person_key) AS persons
FROM training
GROUP BY GROUPING SETS (
  (quarter)
)
