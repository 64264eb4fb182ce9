"""Builds the site from the pages as they are: `make site`."""
