SELECT
  quarter,
  COUNT(DISTINCT person_key) AS persons
FROM return_reintegration
WHERE return_stage IN ('REINTEG', 'REINTEG_DONE')
GROUP BY GROUPING SETS (
  (quarter)
)
