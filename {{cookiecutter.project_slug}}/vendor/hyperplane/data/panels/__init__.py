"""Time series, windows of them, and forecasts that every model has to beat."""
