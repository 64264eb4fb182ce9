"""What `report` and `runs` are made of: summaries are read, grouped and compared, then shown as text and pictures."""
