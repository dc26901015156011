WITH first_assessment AS (
  SELECT person_key, year, region, event_month
  FROM (
    SELECT
      person_key, year, region, event_month,
      ROW_NUMBER() OVER (PARTITION BY person_key, year ORDER BY event_month, record_id) AS place
    FROM needs_assessment
  )
  WHERE place = 1
), waiting AS (
  SELECT
    a.person_key,
    a.year,
    a.region,
    MIN(12 * date_part('year', s.event_month) + date_part('month', s.event_month)
      - 12 * date_part('year', a.event_month) - date_part('month', a.event_month)) AS months
  FROM first_assessment a
  LEFT JOIN assistance_service s ON a.person_key = s.person_key AND s.event_month >= a.event_month
  GROUP BY a.person_key, a.year, a.region
)
SELECT
  year,
  region,
  CASE
    WHEN months IS NULL THEN '_U'
    WHEN months = 0 THEN 'M0'
    WHEN months = 1 THEN 'M1'
    WHEN months <= 3 THEN 'M2T3'
    WHEN months <= 6 THEN 'M4T6'
    ELSE 'M_GT6'
  END AS band,
  COUNT(DISTINCT person_key) AS persons
FROM waiting
GROUP BY GROUPING SETS (
  (year, band),
  (year, region, band)
)
