//! A generator of statements that the rules accept: joins, inner aggregates, windows, set operations, CASE, grouping sets.

use proptest::prelude::*;

/// A statement in pieces: what its rows are, what it groups by, what it counts.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    from: String,
    /// Expression and name; the period comes first.
    keys: Vec<(String, String)>,
    sets: Vec<Vec<usize>>,
    aggregate: String,
}

impl Statement {
    /// As an analyst would write it.
    pub(super) fn sql(&self) -> String {
        let used = |key: &usize| self.sets.iter().any(|set| set.contains(key));
        let keys: Vec<usize> = (0..self.keys.len()).filter(used).collect();
        let shown = keys.iter().map(|key| format!("{} AS {}", self.keys[*key].0, self.keys[*key].1));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let set = |set: &Vec<usize>| {
            let keys = set.iter().map(|key| self.keys[*key].0.clone());
            format!("({})", keys.collect::<Vec<_>>().join(", "))
        };
        let sets = self.sets.iter().map(set).collect::<Vec<_>>().join(", ");
        format!("SELECT {shown}, {} AS n FROM {} GROUP BY GROUPING SETS ({sets})", self.aggregate, self.from)
    }

    /// One grouping set in plain SQL, what is unknown as `_U`.
    pub(super) fn of_one_set(&self, names: &[String]) -> String {
        let key = |name: &String| {
            let (expr, _) = self.keys.iter().find(|(_, known)| known == name).unwrap();
            format!("COALESCE(CAST({expr} AS VARCHAR), '_U')")
        };
        let keys: Vec<String> = names.iter().map(key).collect();
        format!(
            "SELECT {}, CAST({} AS BIGINT) FROM {} GROUP BY {}",
            keys.join(", "),
            self.aggregate,
            self.from,
            (1..=keys.len()).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
        )
    }
}

/// Rows of one person each, with the columns `p` (the person), `year`, `quarter`, `region`, `sex`, `service`, `x`.
const COLUMNS: &str = "year, quarter, region, sex, service";

fn scan() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        Just(""),
        Just("WHERE region <> 'MA-02'"),
        Just("WHERE amount > 0 OR sex = 'F'"),
        Just("WHERE TRY_CAST(note AS INT) IS NULL AND amount % 3 < 2"),
        Just("WHERE event_date + INTERVAL '2 months' > DATE '2024-05-01'"),
        Just("WHERE note ~ '^a' OR lower(service) LIKE 's%'"),
        Just("WHERE person_key IN (SELECT person_key FROM training WHERE hours > 1)"),
        Just("WHERE person_key NOT IN (SELECT person_key FROM training WHERE region = 'MA-01')"),
        Just("WHERE region IN (SELECT code FROM ref_region WHERE population > 1)"),
    ];
    condition.prop_map(|condition| {
        format!("(SELECT person_key AS p, {COLUMNS}, amount AS x FROM assistance_service {condition})")
    })
}

fn correlated() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        Just("EXISTS (SELECT 1 FROM training t WHERE t.person_key = a.person_key AND t.region = a.region)"),
        Just("NOT EXISTS (SELECT 1 FROM training t WHERE t.person_key = a.person_key)"),
        Just("(SELECT COUNT(*) FROM training t WHERE t.person_key = a.person_key) < 2"),
        Just(
            "(SELECT MAX(t.event_date) FROM training t WHERE a.person_key = t.person_key AND t.hours > 0.5) >= a.event_date"
        ),
        Just("a.amount > (SELECT MIN(population) FROM ref_region)"),
    ];
    condition.prop_map(|condition| {
        format!(
            "(SELECT a.person_key AS p, {COLUMNS}, amount AS x FROM assistance_service a WHERE {condition})"
        )
    })
}

fn joined() -> impl Strategy<Value = String> {
    let sides = prop_oneof![
        Just(("JOIN", "a.person_key", "a")),
        Just(("LEFT JOIN", "a.person_key", "a")),
        Just(("RIGHT JOIN", "t.person_key", "t")),
        Just(("FULL JOIN", "COALESCE(a.person_key, t.person_key)", "")),
    ];
    let further = prop_oneof![Just(""), Just(" AND t.hours > 1"), Just(" AND a.region = t.region")];
    (sides, further).prop_map(|((join, person, side), further)| {
        let columns = match side {
            "" => "COALESCE(a.year, t.year) AS year, COALESCE(a.quarter, t.quarter) AS quarter, \
                   COALESCE(a.region, t.region) AS region, COALESCE(t.sex, a.sex) AS sex, a.service"
                .to_owned(),
            side => format!("{side}.year, {side}.quarter, t.region, {side}.sex, a.service"),
        };
        format!(
            "(SELECT {person} AS p, {columns}, a.amount AS x FROM assistance_service a \
             {join} training t ON a.person_key = t.person_key{further})"
        )
    })
}

fn references() -> impl Strategy<Value = String> {
    prop_oneof![Just("JOIN"), Just("LEFT JOIN")].prop_map(|join| {
        format!(
            "(SELECT person_key AS p, year, quarter, COALESCE(a.region, '_U') AS region, sex, a.service, \
             population AS x FROM assistance_service a {join} ref_region r ON a.region = r.code)"
        )
    })
}

fn grouped() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("COUNT(*)"),
        Just("COUNT(DISTINCT region)"),
        Just("SUM(x)"),
        Just("MAX(x) FILTER (WHERE sex = 'F')"),
        Just("BIT_XOR(x)"),
    ];
    (rows(1), value, any::<bool>()).prop_map(|(from, value, by_region)| {
        let (shown, by) = if by_region { ("region", ", region") } else { ("MIN(region) AS region", "") };
        format!(
            "(SELECT p, MIN(year) AS year, MAX(quarter) AS quarter, {shown}, MAX(sex) AS sex, \
             MIN(service) AS service, {value} AS x FROM {from} r GROUP BY p{by})"
        )
    })
}

fn windowed() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY event_date, record_id)"),
        Just("SUM(amount) OVER (PARTITION BY person_key)"),
        Just("RANK() OVER (PARTITION BY person_key, region ORDER BY event_date)"),
        Just(
            "COUNT(*) OVER (PARTITION BY person_key ORDER BY record_id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)"
        ),
        Just("LEAD(amount, 1, 7) OVER (PARTITION BY person_key ORDER BY event_date DESC, record_id)"),
    ];
    value.prop_map(|value| {
        format!("(SELECT person_key AS p, {COLUMNS}, {value} AS x FROM assistance_service)")
    })
}

fn sets() -> impl Strategy<Value = String> {
    let operation = prop_oneof![Just("UNION ALL"), Just("UNION"), Just("INTERSECT"), Just("EXCEPT")];
    (operation, rows(0), rows(0)).prop_map(|(operation, left, right)| {
        let columns = format!("p, {COLUMNS}, TRY_CAST(x AS BIGINT) AS x");
        format!("(SELECT {columns} FROM {left} l {operation} SELECT {columns} FROM {right} r)")
    })
}

fn rows(depth: u32) -> BoxedStrategy<String> {
    let plain = prop_oneof![scan(), correlated(), joined(), references(), windowed()];
    match depth {
        0 => plain.boxed(),
        _ => prop_oneof![2 => plain, 1 => sets(), 1 => grouped_or_plain(depth - 1)].boxed(),
    }
}

fn grouped_or_plain(depth: u32) -> BoxedStrategy<String> {
    match depth {
        0 => grouped_once().boxed(),
        _ => grouped().boxed(),
    }
}

fn grouped_once() -> impl Strategy<Value = String> {
    rows(0).prop_map(|from| {
        format!(
            "(SELECT p, year, MAX(quarter) AS quarter, region, MAX(sex) AS sex, MIN(service) AS service, \
             COUNT(*) AS x FROM {from} r GROUP BY GROUPING SETS ((p, year, region), (p, year)))"
        )
    })
}

/// A random statement that the rules accept.
pub(super) fn statement() -> impl Strategy<Value = Statement> {
    let region = prop_oneof![
        Just("region".to_owned()),
        Just("CASE WHEN x > 1 THEN region ELSE '_U' END".to_owned()),
        Just("NULLIF(region, 'MA-01')".to_owned()),
    ];
    let condition =
        prop_oneof![Just(""), Just(" WHERE x >= 1"), Just(" WHERE x IS NULL OR sex IN ('F', '_U')")];
    let aggregate = prop_oneof![
        Just("COUNT(DISTINCT p)"),
        Just("COUNT(*)"),
        Just("COUNT(x)"),
        Just("COUNT(*) FILTER (WHERE sex = 'M')"),
        Just("COUNT(DISTINCT p) FILTER (WHERE x > 0)"),
    ];
    let sets = prop_oneof![
        Just(vec![vec![0], vec![0, 2]]),
        Just(vec![vec![1], vec![1, 2, 3]]),
        Just(vec![vec![0, 4], vec![1, 3, 2]]),
    ];
    let from = prop_oneof![rows(1), grouped()];
    (from, region, condition, aggregate, sets).prop_map(|(rows, region, condition, aggregate, sets)| {
        let key = |expr: &str, name: &str| (expr.to_owned(), name.to_owned());
        Statement {
            from: format!("{rows} AS rows{condition}"),
            keys: vec![
                key("year", "year"),
                key("quarter", "quarter"),
                (region, "area".to_owned()),
                key("sex", "sex"),
                key("service", "service"),
            ],
            sets,
            aggregate: aggregate.to_owned(),
        }
    })
}
