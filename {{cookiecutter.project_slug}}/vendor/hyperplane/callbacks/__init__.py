"""Callbacks of the project. `callbacks=[name]` takes any of them, and any of Lightning's, by its file in configs."""
