"""The commands beside `train`, each a module: its docstring is the help; `main`, or what has its name, is called."""
