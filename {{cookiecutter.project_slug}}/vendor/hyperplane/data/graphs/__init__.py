"""Nodes and edges."""
