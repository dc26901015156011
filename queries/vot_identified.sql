SELECT
  year,
  exploitation_type,
  COUNT(DISTINCT person_key) AS persons
FROM vot_identification
GROUP BY GROUPING SETS (
  (year),
  (year, exploitation_type)
)
