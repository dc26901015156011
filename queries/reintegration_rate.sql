SELECT
  year,
  CAST(COUNT(DISTINCT person_key) FILTER (WHERE return_stage IN ('REINTEG', 'REINTEG_DONE')) AS DOUBLE) / COUNT(DISTINCT person_key) FILTER (WHERE return_stage = 'DEPARTED') AS share
FROM return_reintegration
GROUP BY GROUPING SETS (
  (year)
)
