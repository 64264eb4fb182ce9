"""Lightning callbacks of your own; a file under configs/callbacks/ names each."""
