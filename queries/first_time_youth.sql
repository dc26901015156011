SELECT
  quarter,
  COUNT(DISTINCT person_key) AS persons
FROM youth_action
GROUP BY GROUPING SETS (
  (quarter)
)
