"""What networks of projects share: windows of a panel as rows or signals, bags of words, scikit-learn's estimators."""
