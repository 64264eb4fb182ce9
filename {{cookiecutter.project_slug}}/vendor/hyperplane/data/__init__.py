"""What all data sets share: split, scaling, batches. Each kind of data has a folder, with files/ and columns/ below.

`tables`, `panels`, `signals`, `images`, `texts` and `graphs` load their arrays and state a DataSpec; `files` reads what
a CSV or Parquet file holds, and `columns` says what each column of it becomes.
"""
