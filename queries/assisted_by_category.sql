SELECT
  quarter,
  region,
  CASE WHEN beneficiary_category IN ('UASC', 'VOT', 'GOV', 'LOCAL') THEN '_O' ELSE beneficiary_category END AS beneficiary_category,
  COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS (
  (quarter),
  (quarter, CASE WHEN beneficiary_category IN ('UASC', 'VOT', 'GOV', 'LOCAL') THEN '_O' ELSE beneficiary_category END),
  (quarter, region, CASE WHEN beneficiary_category IN ('UASC', 'VOT', 'GOV', 'LOCAL') THEN '_O' ELSE beneficiary_category END)
)
