"""Days that left the database for Parquet files, and reading both as one. The only package that knows DuckDB."""
