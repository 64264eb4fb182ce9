"""The commands beside `train`, a module each: the docstring is the help; `main`, or what has its name, does the work."""
