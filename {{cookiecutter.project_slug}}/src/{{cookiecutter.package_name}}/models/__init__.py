"""Networks: plain torch modules, one file per model, its equation on top."""
