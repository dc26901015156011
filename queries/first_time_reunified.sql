SELECT
  year,
  COUNT(DISTINCT person_key) AS persons
FROM child_protection
WHERE child_action = 'REUNIFIED'
GROUP BY GROUPING SETS (
  (year)
)
