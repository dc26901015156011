"""Times other engines on exported rows: persons by region × category × quarter, one cell a person and quarter."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

KEYS = ["quarter", "region", "beneficiary_category"]


def duckdb(file):
    import duckdb as engine

    counted = " UNION ALL ".join(
        f"SELECT person, quarter, '{key}' AS which, {key} AS code, count(*) AS n FROM rows GROUP BY ALL" for key in KEYS[1:]
    )
    pivoted = ", ".join(f"first(code ORDER BY n DESC, code) FILTER (which = '{key}') AS {key}" for key in KEYS[1:])
    engine.sql(f"""
        WITH rows AS (SELECT * FROM read_parquet('{file}')), counted AS ({counted}),
             homes AS (SELECT person, quarter, {pivoted} FROM counted GROUP BY ALL)
        SELECT {', '.join(KEYS)}, count(*) AS persons FROM homes GROUP BY ALL
    """).fetchall()


def polars(file):
    import polars as pl

    rows = pl.scan_parquet(file)
    homes = rows.group_by("person", "quarter").agg(pl.col(key).mode().min() for key in KEYS[1:])
    homes.group_by(KEYS).len().collect()


def opendp(file):
    import opendp.prelude as dp
    import polars as pl

    dp.enable_features("contrib")
    rows = pl.scan_parquet(file)
    cells = rows.select(KEYS).unique().collect().lazy()
    context = dp.Context.compositor(
        data=rows,
        privacy_unit=dp.unit_of(contributions=1, identifier=pl.col("person")),
        privacy_loss=dp.loss_of(rho=0.1),
        split_evenly_over=1,
    )
    query = context.query().truncate_per_group(1, by=["quarter"]).truncate_per_group(8)
    query.group_by(KEYS).agg(dp.len()).with_keys(cells).release().collect()


def tumult(file):
    import tmlt.analytics as tmlt
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Spark does not read times of nanoseconds as times; as a key a number does as well. Its folder is not to stand among our own.
    settings = {"spark.sql.legacy.parquet.nanosAsLong": "true", "spark.sql.warehouse.dir": tempfile.mkdtemp()}
    spark = SparkSession.builder.config(map=settings).getOrCreate()
    frame = spark.read.parquet(file)
    session = tmlt.Session.from_dataframe(
        privacy_budget=tmlt.RhoZCDPBudget(0.1), source_id="rows", dataframe=frame, protected_change=tmlt.AddRowsWithID("person")
    )
    keys = tmlt.KeySet.from_dataframe(frame.select(KEYS).distinct())
    query = tmlt.QueryBuilder("rows").enforce(tmlt.MaxRowsPerID(8)).groupby(keys).count()
    session.evaluate(query, tmlt.RhoZCDPBudget(0.1)).collect()


ENGINES = {"DuckDB, exact bounding": duckdb, "Polars, exact bounding": polars, "OpenDP with Polars": opendp, "Tumult on Spark": tumult}


def alone(name, file):
    best = float("inf")
    for _ in range(3):
        started = time.monotonic()
        ENGINES[name](file)
        best = min(best, time.monotonic() - started)
    print(json.dumps({"seconds": best, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def main(file):
    print(f"{'persons by ' + ' × '.join(KEYS):<46} {'best of 3':>10} {'peak memory':>13}")
    for name in ENGINES:
        told = subprocess.run([sys.executable, __file__, "--alone", name, file], capture_output=True, text=True)
        if told.returncode != 0:
            reason = (told.stderr.strip().splitlines() or ["it said nothing"])[-1]
            print(f"{name:<46} not run: {reason[:70]}")
            continue
        taken = json.loads(told.stdout.strip().splitlines()[-1])
        print(f"{name:<46} {taken['seconds']:>8.2f} s {taken['peak_mib']:>9} MiB")


if sys.argv[1] == "--alone":
    alone(sys.argv[2], sys.argv[3])
else:
    main(sys.argv[1])
