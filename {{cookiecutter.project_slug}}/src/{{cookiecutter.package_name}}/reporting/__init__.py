"""What `report` is made of: summaries are read and grouped, then drawn as a table and a chart."""
