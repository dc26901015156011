SELECT
  year,
  region,
  training_type,
  SUM(hours) AS hours,
  AVG(hours) AS average
FROM training
GROUP BY GROUPING SETS (
  (year),
  (year, region),
  (year, training_type)
)
