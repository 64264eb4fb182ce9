"""What all data sets share, split, scaling and batches, and a folder for each kind of data.

`tables`, `panels`, `signals`, `images`, `texts` and `graphs` load their arrays and state a DataSpec; `files` reads what
a CSV or Parquet file holds, and `columns` says what each column of it becomes.
"""
