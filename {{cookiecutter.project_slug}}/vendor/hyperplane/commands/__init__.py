"""The commands beside `train`: each a module with a function `main`, and the command as its docstring."""
