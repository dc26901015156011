SELECT
  n.year,
  n.region,
  CAST(COUNT(DISTINCT n.person_key) FILTER (WHERE s.last_service >= n.event_month) AS DOUBLE)
    / COUNT(DISTINCT n.person_key) AS share
FROM needs_assessment n
LEFT JOIN (
  SELECT person_key, MAX(event_month) AS last_service
  FROM assistance_service
  GROUP BY person_key
) s ON n.person_key = s.person_key
GROUP BY GROUPING SETS (
  (n.year),
  (n.year, n.region)
)
