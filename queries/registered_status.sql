SELECT
  year,
  migration_status,
  sex,
  COUNT(DISTINCT person_key) AS persons
FROM person_registration
GROUP BY GROUPING SETS (
  (year, migration_status),
  (year, migration_status, sex)
)
