"""A run on one device or several: which are chosen, and the processes behind them."""
