-- Each grouping set names its period; each output column becomes a dataflow.
SELECT quarter, region, COUNT(DISTINCT person_key) AS persons
FROM assistance_service
GROUP BY GROUPING SETS ((quarter), (quarter, region))
