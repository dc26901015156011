//! Case extracts become pseudonymised, whole batches of sorted Parquet.
