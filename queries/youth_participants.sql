SELECT
  quarter,
  sex,
  youth_action_type,
  COUNT(DISTINCT person_key) AS persons
FROM youth_action
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, sex),
  (quarter, youth_action_type)
)
