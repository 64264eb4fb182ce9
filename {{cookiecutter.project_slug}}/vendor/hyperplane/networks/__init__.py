"""What networks of projects share: windows of a panel as rows or signals, texts as counts of their words, estimators."""
