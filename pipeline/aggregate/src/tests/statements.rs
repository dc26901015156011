//! A generator of statements that the rules accept: joins, inner aggregates, windows, set operations, CASE, grouping sets.

use proptest::prelude::*;

/// A statement in pieces: what its rows are, what it groups by, what it counts.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    rows: String,
    /// Whether the rows are named in a WITH.
    is_named: bool,
    condition: &'static str,
    /// Expression and name; the period comes first.
    keys: Vec<(String, String)>,
    grouping: Grouping,
    measured: &'static Measured,
}

/// Grouping sets by the places of their keys, and how they are written.
#[derive(Clone, Debug)]
struct Grouping {
    sets: &'static [&'static [usize]],
    /// GROUP BY, each key as its place in braces.
    text: &'static str,
}

const GROUPINGS: [Grouping; 6] = [
    Grouping { sets: &[&[0], &[0, 2]], text: "GROUPING SETS (({0}), ({0}, {2}))" },
    Grouping { sets: &[&[1], &[1, 2, 3]], text: "GROUPING SETS (({1}), ({1}, {2}, {3}))" },
    Grouping { sets: &[&[0, 4], &[1, 3, 2]], text: "GROUPING SETS (({0}, {4}), ({1}, {3}, {2}))" },
    Grouping { sets: &[&[1, 4]], text: "{1}, {4}" },
    Grouping { sets: &[&[0, 2, 3], &[0, 2], &[0]], text: "{0}, ROLLUP ({2}, {3})" },
    Grouping { sets: &[&[1], &[1, 3], &[1, 4], &[1, 3, 4]], text: "{1}, CUBE ({3}, {4})" },
];

/// The output of a statement, and what plain DataFusion would compute for each aggregate in it.
#[derive(Debug)]
struct Measured {
    output: &'static str,
    plain: &'static [&'static str],
}

/// What a row adds to a sum whose bounds are 0 and 30.
const SUM: &str = "SUM(CASE WHEN x < 0 THEN 0 WHEN x > 30 THEN 30 ELSE x END)";

const MEASURED: [Measured; 9] = [
    Measured { output: "COUNT(DISTINCT p) AS n", plain: &["COUNT(DISTINCT p)"] },
    Measured { output: "COUNT(*) AS n", plain: &["COUNT(*)"] },
    Measured { output: "COUNT(x) AS n", plain: &["COUNT(x)"] },
    Measured {
        output: "COUNT(*) FILTER (WHERE sex = 'M') AS n",
        plain: &["COUNT(*) FILTER (WHERE sex = 'M')"],
    },
    Measured {
        output: "COUNT(DISTINCT p) FILTER (WHERE x > 0) AS n",
        plain: &["COUNT(DISTINCT p) FILTER (WHERE x > 0)"],
    },
    Measured { output: "SUM(x) AS n", plain: &[SUM] },
    Measured {
        output: "SUM(x) FILTER (WHERE region <> 'MA-02') AS n, COUNT(*) AS m",
        plain: &[
            "SUM(CASE WHEN x < 0 THEN 0 WHEN x > 30 THEN 30 ELSE x END) FILTER (WHERE region <> 'MA-02')",
            "COUNT(*)",
        ],
    },
    Measured { output: "AVG(x) AS n", plain: &[SUM, "COUNT(x)"] },
    Measured {
        output: "CAST(COUNT(DISTINCT p) FILTER (WHERE sex = 'F') AS DOUBLE) / COUNT(DISTINCT p) AS n",
        plain: &["COUNT(DISTINCT p) FILTER (WHERE sex = 'F')", "COUNT(DISTINCT p)"],
    },
];

impl Statement {
    /// As an analyst would write it.
    pub(super) fn sql(&self) -> String {
        let used = |key: &usize| self.grouping.sets.iter().any(|set| set.contains(key));
        let keys: Vec<usize> = (0..self.keys.len()).filter(used).collect();
        let shown = keys.iter().map(|key| format!("{} AS {}", self.keys[*key].0, self.keys[*key].1));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let groups =
            self.keys.iter().enumerate().fold(self.grouping.text.to_owned(), |text, (key, (expr, _))| {
                text.replace(&format!("{{{key}}}"), expr)
            });
        let (with, from) = match self.is_named {
            true => (format!("WITH named AS {} ", self.rows), "named".to_owned()),
            false => (String::new(), format!("{} AS rows", self.rows)),
        };
        let (output, condition) = (self.measured.output, self.condition);
        format!("{with}SELECT {shown}, {output} FROM {from}{condition} GROUP BY {groups}")
    }

    /// How many aggregates it measures.
    pub(super) fn n_aggregates(&self) -> usize {
        self.measured.plain.len()
    }

    /// One aggregate over one grouping set in plain SQL, what is unknown as `_U`.
    pub(super) fn of_one_set(&self, aggregate: usize, names: &[String]) -> String {
        let key = |name: &String| {
            let (expr, _) = self.keys.iter().find(|(_, known)| known == name).unwrap();
            format!("COALESCE(CAST({expr} AS VARCHAR), '_U')")
        };
        let keys: Vec<String> = names.iter().map(key).collect();
        format!(
            "SELECT {}, CAST({} AS BIGINT) FROM {} AS rows{} GROUP BY {}",
            keys.join(", "),
            self.measured.plain[aggregate],
            self.rows,
            self.condition,
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
    let from = prop_oneof![rows(1), grouped()];
    let output = (0..GROUPINGS.len(), 0..MEASURED.len(), any::<bool>());
    (from, region, condition, output).prop_map(|(rows, region, condition, (grouping, measured, is_named))| {
        let key = |expr: &str, name: &str| (expr.to_owned(), name.to_owned());
        Statement {
            rows,
            is_named,
            condition,
            keys: vec![
                key("year", "year"),
                key("quarter", "quarter"),
                (region, "area".to_owned()),
                key("sex", "sex"),
                key("service", "service"),
            ],
            grouping: GROUPINGS[grouping].clone(),
            measured: &MEASURED[measured],
        }
    })
}
