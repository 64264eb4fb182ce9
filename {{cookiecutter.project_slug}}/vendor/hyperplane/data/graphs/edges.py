"""Edges of a graph in a table: a row for each, with the names of the nodes that it joins."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.names import require_columns
from ..columns.roles import is_nameless
from ..columns.values import listed
from ..files.survey import Spelling
from ..files.table_files import column_names, read_columns
from .names import numbers_of, texts_of


def read_edges(path: Path, ends: Sequence[str | None], nodes: Sequence[str], unknown: str) -> NDArray[np.int64]:
    """Return the numbers of the nodes that edges join (edges, 2); those of unknown nodes are said, and left out.

    `ends` are the columns that say where an edge begins and ends; None: the first, and the second that have a name.

    Raises:
        UserError: the file has fewer than two columns, or no line of names, or no edge joins nodes.
    """
    key = f"data.edges={path}"
    columns = column_names(path, "data.edges")
    if len(columns) < 2:
        raise UserError(f"{key} needs two columns, where an edge begins and where it ends; it has: {listed(columns)}")
    usual = [name for name in columns if not is_nameless(name)]  # a nameless one holds the rows' numbers
    usual = usual if len(usual) > 1 else columns
    source, destination = (given or usual[place] for place, given in enumerate(ends))
    if None in ends and {source, destination} <= {*nodes}:
        raise UserError(f"{key}: its first line joins {source} and {destination}, two nodes: put a line of names above")
    require_columns([("source", source), ("destination", destination)], columns, path)
    if rest := [name for name in columns if name not in (source, destination)]:
        logger.warning("{}: all edges count alike; not read: {}", path, listed(rest))
    both = (source, destination)
    table, _ = read_columns(path, both, Spelling(texts=both), "data.edges")
    texts = [texts_of(table[name]) for name in both]
    edges = np.stack([numbers_of(end, nodes) for end in texts], axis=1)
    known = (edges >= 0).all(axis=1)
    if not known.all():
        strange = {
            "one without a name" if name is None else name
            for end, places in zip(texts, edges.T, strict=True)
            for name in end.filter(places < 0)
        }
        said = f"{(~known).sum()} of {len(edges)} edges join nodes that {unknown}: {listed(sorted(strange), 5)}"
        if not known.any():
            raise UserError(f"{key}: {said}. Nodes are called such as {listed(nodes, 3)}")
        logger.warning("{}. They are left out.", said)
    return edges[known].astype(np.int64)
