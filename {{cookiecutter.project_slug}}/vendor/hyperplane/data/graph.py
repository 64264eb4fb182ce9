"""Your own graph: a table of nodes, one of the edges between them, and a class for some nodes or all."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..errors import UserError, nearest
from ..setting_types import Distinct
from .arrays import IGNORED
from .columns import as_text, is_text, listed
from .encoding import TableEncoder
from .file_access import digest_of
from .files import read_as, read_columns
from .graph_datamodule import Graph, GraphDataModule
from .readings import Reading
from .roles import stated_parts
from .survey import Spelling
from .target import encode_targets, infer_task

if TYPE_CHECKING:
    from polars import DataFrame, Series


class GraphFiles(GraphDataModule):
    """Nodes and edges of two CSV or Parquet files. Columns of the nodes without a role are features."""

    reads_inputs = True

    def __init__(
        self,
        *,
        nodes: str,  # the file of the nodes, a row each
        edges: str,  # the file of the edges, a row each
        target: str,  # the column of the nodes that holds their classes; a node without one is in no part
        id: str | None = None,  # the column of the nodes that edges refer to; null: the first
        source: str | None = None,  # the column of the edges that says where one begins; null: the first one
        destination: str | None = None,  # the column of the edges that says where one ends; null: the second one
        ignore: tuple[str, ...] = (),  # columns of the nodes that are left out
        # A column of the nodes that says train, val or test; replaces labelled and val_fraction
        split_column: Annotated[str | None, Distinct(("target", "id", "ignore"))] = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.nodes_path, self.edges_path = Path(nodes), Path(edges)
        self.target, self.id, self.ends = target, id, (source, destination)
        self.ignore = ignore
        self.split_column = split_column
        self.names: list[str] = []  # of the nodes
        self.encoder = TableEncoder([])
        self.id_reading: dict[str, Reading] = {}
        self.digests: list[str] = []

    def load(self) -> Graph:
        """Return the graph.

        Raises:
            UserError: a file cannot be read or lacks a column, ids are missing or stand twice, or there is no class.
        """
        table, readings = read_columns(self.nodes_path, None, Spelling(), "data.nodes")
        self.digests = [digest_of(path) for path in (self.nodes_path, self.edges_path)]
        self.id = self.id or next((name for name in table.columns if name != self.target), self.target)
        roles = {"id": self.id, "target": self.target, "split_column": self.split_column}
        named = [(key, name) for key, name in roles.items() if name is not None]
        require(table, self.nodes_path, [*named, *(("ignore", name) for name in self.ignore)])
        self.names = self.ids_of(table, f"data.nodes={self.nodes_path}")
        self.id_reading = {self.id: readings[self.id]}
        classes, class_names = self.classes_of(table[self.target])
        left_out = {*roles.values(), *self.ignore}
        columns = table.select([name for name in table.columns if name not in left_out])
        self.encoder = TableEncoder.fit(columns, readings)
        features = self.encoder.encode(columns, "the nodes") if self.encoder.columns else None
        if features is None:
            logger.info("Nodes have no features: each is told apart from the others, and edges say the rest.")
        parts = None
        if self.split_column is not None:
            parts = np.full(table.height, "none", dtype="<U5")
            for part, rows in stated_parts(table[self.split_column]).items():
                parts[rows] = part
        return Graph(self.read_edges(), classes, class_names, features, self.encoder.names, parts)

    def ids_of(self, table: "DataFrame", what: str) -> list[str]:
        """Return the names of the nodes in a table.

        Raises:
            UserError: one is missing, or stands twice.
        """
        assert self.id is not None
        names = texts_of(table[self.id])
        if names.null_count():
            raise UserError(f"{what}: row {names.is_null().arg_true()[0] + 1} has no {self.id}")
        twice = names.filter(names.is_duplicated())
        if len(twice):
            raise UserError(f"{what}: {self.id} {twice[0]!r} stands in several rows; data.id= names another column")
        return names.to_list()

    def classes_of(self, column: "Series") -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return the class of each node (N,), −100 where it has none, and the names of the classes."""
        values = as_text(column) if is_text(column) else column
        known = values.is_not_null().to_numpy()
        if not known.any():
            raise UserError(f"data.target={self.target}: no node has a class")
        if infer_task(values.drop_nulls()) != "classification":
            raise UserError(
                f"data.target={self.target} holds many numbers such as {values.drop_nulls()[0]}: the nodes of a graph "
                "are sorted into classes, which several nodes share"
            )
        _, numbers, names = encode_targets(values.drop_nulls().to_frame(), "classification")
        classes = np.full(len(values), IGNORED)
        classes[known] = numbers
        if not known.all():
            logger.info(
                "{} of {} nodes have no {}: they belong to no part, but stay in the graph.",
                (~known).sum(),
                len(known),
                self.target,
            )
        return classes, names

    def read_edges(self) -> NDArray[np.int64]:
        """Return the numbers of the nodes that edges join (edges, 2); those of unknown nodes are said, and left out.

        Raises:
            UserError: the file has fewer than two columns, or no edge joins nodes.
        """
        key = f"data.edges={self.edges_path}"
        table, _ = read_columns(self.edges_path, None, Spelling(), "data.edges")
        if table.width < 2:
            raise UserError(
                f"{key} needs two columns, where an edge begins and where it ends; it has: {listed(table.columns)}"
            )
        source, destination = (given or table.columns[place] for place, given in enumerate(self.ends))
        require(table, self.edges_path, [("source", source), ("destination", destination)])
        number = {name: place for place, name in enumerate(self.names)}
        ends = [texts_of(table[name]) for name in (source, destination)]
        edges = np.stack([end.replace_strict(number, default=-1).fill_null(-1).to_numpy() for end in ends], axis=1)
        known = (edges >= 0).all(axis=1)
        if not known.all():
            strange = {str(name) for end, places in zip(ends, edges.T, strict=True) for name in end.filter(places < 0)}
            said = (
                f"{(~known).sum()} of {len(edges)} edges join nodes that {self.nodes_path} does not have: "
                f"{listed(sorted(strange), 5)}"
            )
            if not known.any():
                raise UserError(f"{key}: {said}. Its {self.id} are such as {listed(self.names, 3)}")
            logger.warning("{}. They are left out.", said)
        return edges[known].astype(np.int64)

    def read_inputs(self, path: Path) -> tuple[NDArray[np.float64], "DataFrame", NDArray[np.int64]]:
        """Return the features of all nodes in their order, the ids of the file's rows, and the numbers of these.

        Raises:
            UserError: the file cannot be read, or has other nodes than the graph of the training.
        """
        assert self.id is not None
        table = read_as(path, self.encoder.readings | self.id_reading, "input")
        require(table, path, [("id", self.id)])
        names = self.ids_of(table, f"input={path}")
        number = {name: place for place, name in enumerate(self.names)}
        strange = [name for name in names if name not in number]
        absent = [name for name in self.names if name not in set(names)] if self.encoder.columns else []
        if strange or absent:
            raise UserError(
                f"input={path} must have the nodes of the graph that was trained on, as edges join these: "
                f"{f'{strange[0]} is none of them' if strange else f'{absent[0]} is missing'}"
            )
        rows = np.array([number[name] for name in names])
        if not self.encoder.columns:
            return np.eye(len(self.names)), table.select(self.id), rows
        features = self.encoder.encode(table, f"the nodes of {path}")
        return features[np.argsort(rows)], table.select(self.id), rows

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: the nodes, how they are encoded, and which files they are of."""
        return {
            "names": self.names,
            "id": self.id,
            "id_reading": {name: asdict(reading) for name, reading in self.id_reading.items()},
            "encoder": self.encoder.state(),
            "digests": self.digests,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint keeps.

        Raises:
            UserError: a file has changed since.
        """
        for path, now, before in zip(
            (self.nodes_path, self.edges_path), self.digests, state_dict["digests"], strict=False
        ):
            if now != before:
                raise UserError(f"{path} has changed since this run was trained: the graph is another one now")
        self.names, self.id = list(state_dict["names"]), state_dict["id"]
        self.id_reading = {name: Reading.from_state(state) for name, state in state_dict["id_reading"].items()}
        self.encoder = TableEncoder.from_state(state_dict["encoder"])


def texts_of(column: "Series") -> "Series":
    """Return ids as texts; whole numbers are the same with and without a decimal point."""
    import polars

    if column.dtype.is_float() and (column.drop_nulls() % 1 == 0).all():
        column = column.cast(polars.Int64)
    return as_text(column) if is_text(column) else column.cast(polars.String)


def require(table: "DataFrame", path: Path, named: list[tuple[str, str]]) -> None:
    """Look whether a table has the columns that settings name.

    Raises:
        UserError: it lacks one.
    """
    for key, name in named:
        if name not in table.columns:
            raise UserError(
                f"data.{key}={name} is not a column of {path}. {nearest(name, table.columns)} It has: "
                f"{listed(table.columns)}"
            )
