SELECT
  year,
  region,
  training_type,
  sex,
  COUNT(DISTINCT person_key) AS persons
FROM training
GROUP BY GROUPING SETS (
  (year),
  (year, region),
  (year, training_type),
  (year, sex)
)
