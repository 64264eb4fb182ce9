"""A run folder: what it holds, who may write there, how it is read back."""
