SELECT
  year,
  child_action,
  age_child,
  COUNT(DISTINCT person_key) AS persons
FROM child_protection
GROUP BY GROUPING SETS (
  (year),
  (year, child_action),
  (year, age_child)
)
