"""Tables in files: what a CSV or Parquet file holds, and how its texts are read."""
