-- Analytical statements in the manner of TPC-H and TPC-DS over the tables of V12. Each stands under its verdict.

-- accepted
-- pricing summary
SELECT quarter, region, COUNT(*) AS n, SUM(hours) AS total, AVG(hours) AS mean, COUNT(DISTINCT person_key) AS persons
FROM assistance_service
WHERE event_date <= DATE '2024-12-01' - INTERVAL '90 days'
GROUP BY GROUPING SETS ((quarter), (quarter, region));

-- accepted
-- order priority checking
SELECT a.region, COUNT(*) AS n
FROM assistance_service a
WHERE a.event_date >= DATE '2024-01-01' AND a.event_date < DATE '2024-01-01' + INTERVAL '3 months'
  AND EXISTS (SELECT * FROM training t WHERE t.person_key = a.person_key AND t.event_date < a.event_date)
GROUP BY a.region
ORDER BY a.region;

-- accepted
-- forecast revenue change
SELECT SUM(hours) AS total FROM assistance_service
WHERE event_date >= DATE '2024-01-01' AND hours BETWEEN 0.05 AND 2 AND amount < 24;

-- accepted
-- customer distribution
SELECT c_count AS band, COUNT(*) AS custdist FROM (
  SELECT person_key, CASE WHEN COUNT(record_id) > 2 THEN 'HIGH' ELSE 'LOW' END AS c_count
  FROM assistance_service GROUP BY person_key
) AS c_orders
GROUP BY c_count;

-- accepted
-- promotion effect
SELECT quarter,
  CAST(COUNT(*) FILTER (WHERE service LIKE 'SHELTER%') AS DOUBLE) / COUNT(*) AS share
FROM assistance_service GROUP BY quarter;

-- accepted
-- top supplier, of each person
WITH revenue AS (
  SELECT person_key, service, SUM(amount) AS total FROM assistance_service GROUP BY person_key, service
), ranked AS (
  SELECT person_key, service, ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY total DESC, service) AS place FROM revenue
)
SELECT service, COUNT(DISTINCT person_key) AS persons FROM ranked WHERE place = 1 GROUP BY service;

-- accepted
-- parts and supplier relationship
SELECT f.family, a.sex, COUNT(DISTINCT a.person_key) AS n
FROM assistance_service a JOIN ref_service f ON f.service = a.service AND f.version = 2
WHERE a.region NOT IN (SELECT code FROM ref_region WHERE zone = 'MA-01')
GROUP BY ROLLUP (f.family, a.sex);

-- accepted
-- suppliers who kept orders waiting
SELECT a.region, COUNT(*) AS numwait
FROM assistance_service a
WHERE EXISTS (SELECT 1 FROM training t WHERE t.person_key = a.person_key AND t.region <> a.region)
  AND NOT EXISTS (SELECT 1 FROM training t WHERE t.person_key = a.person_key AND t.event_date > a.event_date)
GROUP BY a.region;

-- accepted
-- global sales opportunity, within the person
SELECT region, COUNT(*) AS n FROM assistance_service a
WHERE a.amount > (SELECT MAX(b.amount) FROM assistance_service b WHERE b.person_key = a.person_key AND b.region = 'MA-01')
GROUP BY region;

-- accepted
-- cross-channel
SELECT region, COUNT(DISTINCT person_key) AS n FROM (
  SELECT person_key, region, sex FROM assistance_service
  INTERSECT SELECT person_key, region, sex FROM training
  EXCEPT SELECT person_key, region, 'F' FROM training
) both_channels GROUP BY region;

-- accepted
-- year over year, by lag within the person
SELECT region, COUNT(*) AS n FROM (
  SELECT person_key, region, amount,
    LAG(amount) OVER (PARTITION BY person_key ORDER BY event_date, record_id) AS before
  FROM assistance_service
) v WHERE amount > before GROUP BY region;

-- accepted
-- gaps and islands
SELECT COUNT(DISTINCT person_key) AS n FROM (
  SELECT person_key, island, COUNT(*) AS months FROM (
    SELECT person_key, month - place AS island FROM (
      SELECT person_key, month, DENSE_RANK() OVER (PARTITION BY person_key ORDER BY month) AS dense,
        TRY_CAST(DENSE_RANK() OVER (PARTITION BY person_key ORDER BY month) AS BIGINT) AS place
      FROM (SELECT DISTINCT person_key, 12 * date_part('year', event_date) + date_part('month', event_date) AS month FROM assistance_service) m
    ) d
  ) i GROUP BY person_key, island
) g WHERE months >= 3;

-- P01
SELECT region, COUNT(*) AS n FROM assistance_service GROUP BY region ORDER BY n DESC LIMIT 10;

-- P07
-- small-quantity-order revenue: a figure over everybody
SELECT region, COUNT(*) AS n FROM assistance_service a
WHERE a.amount < (SELECT SUM(b.amount) FROM assistance_service b WHERE b.service = a.service) GROUP BY region;

-- P08
-- large volume customer
SELECT region, SUM(hours) AS total FROM assistance_service GROUP BY region HAVING SUM(hours) > 300;

-- P04
SELECT region, COUNT(*) AS n FROM assistance_service
WHERE region IN (SELECT region FROM training GROUP BY region HAVING COUNT(*) > 300) GROUP BY region;

-- P04
-- minimum cost supplier
SELECT a.region, COUNT(*) AS n FROM assistance_service a
JOIN (SELECT region, MIN(amount) AS least FROM assistance_service GROUP BY region) m ON a.region = m.region AND a.amount = m.least
GROUP BY a.region;

-- P02
-- ratio to the whole
SELECT region, COUNT(*) AS n FROM (
  SELECT region, amount, SUM(amount) OVER (PARTITION BY region) AS whole FROM assistance_service
) w WHERE amount > whole GROUP BY region;

-- P02
SELECT region, RANK() OVER (ORDER BY COUNT(*) DESC) AS place, COUNT(*) AS n FROM assistance_service GROUP BY region;

-- P05
-- local supplier volume
SELECT t.region, COUNT(*) AS n FROM assistance_service a JOIN training t ON a.person_key = t.person_key
JOIN training u ON u.region = t.region GROUP BY t.region;

-- P03
-- channels compared without the person
SELECT region, COUNT(*) AS n FROM (SELECT region, sex FROM assistance_service INTERSECT SELECT region, sex FROM training) i GROUP BY region;

-- P10
-- profit: extremes
SELECT quarter, MIN(amount) AS least, MAX(amount) AS most, COUNT(*) AS n FROM assistance_service GROUP BY quarter;

-- P10
SELECT region, approx_percentile_cont(amount, 0.5) AS median FROM assistance_service GROUP BY region;

-- P11
SELECT region, COUNT(DISTINCT note) AS n FROM assistance_service GROUP BY region;

-- P12
SELECT region, SUM(amount * 2) AS n FROM assistance_service GROUP BY region;

-- P09
SELECT date_trunc('month', event_date) AS m, COUNT(*) AS n FROM assistance_service GROUP BY 1;

-- P13
-- discount arithmetic
SELECT region, COUNT(*) AS n FROM assistance_service WHERE hours * (1 - hours) > 0.06 GROUP BY region;

-- P13
SELECT region, COUNT(*) AS n FROM assistance_service WHERE CAST(substr(note, 1, 2) AS INT) IN (13, 31) GROUP BY region;

-- P15
SELECT region, sex FROM assistance_service WHERE amount > 3;

-- P16
-- the best customers
SELECT person_key, SUM(hours) AS total FROM assistance_service GROUP BY person_key;

-- P17
SELECT region, COUNT(*) AS n FROM assistance_service CROSS JOIN LATERAL (SELECT 1 AS x) l GROUP BY region;

-- P17
SELECT * FROM generate_series(1, 10);

-- P17
INSERT INTO training SELECT * FROM training;
