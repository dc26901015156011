SELECT
  quarter,
  activity_type,
  org_type,
  SUM(participants) AS participants,
  COUNT(*) AS activities
FROM org_activity
GROUP BY GROUPING SETS (
  (quarter, activity_type),
  (quarter, org_type)
)
