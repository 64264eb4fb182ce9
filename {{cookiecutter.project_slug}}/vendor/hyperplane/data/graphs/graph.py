"""Your own graph: a table of nodes, one of the edges between them, and what to predict of some nodes or all."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from loguru import logger
from pydantic import Field

from ...errors import UserError
from ...setting_types import Distinct
from ..arrays import IGNORED
from ..columns.encoding import TableEncoder
from ..columns.names import as_names, require_columns
from ..columns.roles import NAMES_ROWS, is_nameless, row_numbers
from ..columns.target import Targets, TaskName, encode_targets, present_in
from ..files.access import digest_of
from ..files.readings import Reading
from ..files.survey import Spelling
from ..files.table_files import column_names, read_as, read_columns
from ..lazy_polars import pl
from ..new_samples import NewSamples
from ..parts import stated
from ..spec import DataSpec
from .datamodule import Graph, GraphDataModule
from .edges import read_edges
from .names import texts_of


class GraphFiles(GraphDataModule):
    """Nodes and edges of two CSV or Parquet files. Columns of the nodes without a role are features."""

    reads_inputs = True
    file_settings = ("nodes", "edges")

    def __init__(
        self,
        *,
        nodes: str,  # the file of the nodes, a row each
        edges: str,  # the file of the edges, a row each
        # The column of the nodes to predict, or a list of several; a node without them is in no part
        target: str | Annotated[tuple[str, ...], Field(min_length=1)],
        # Auto: inferred from the target, see `target.py`
        task: Literal["auto", "classification", "multilabel", "regression"] = "auto",
        # The column of the nodes that edges refer to; null: the first, or an id behind row numbers
        id: str | None = None,
        source: str | None = None,  # the column of the edges that says where one begins; null: the first with a name
        destination: str | None = None,  # the column of the edges that says where one ends; null: the second one
        ignore: tuple[str, ...] = (),  # columns of the nodes that are left out
        # A column of the nodes that says train, val or test; replaces labelled and val_fraction
        split_column: Annotated[str | None, Distinct(("target", "id", "ignore"))] = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.nodes_path, self.edges_path = Path(nodes), Path(edges)
        self.targets = as_names(target)
        self.task: TaskName | Literal["auto"] = task
        self.id, self.ends = id, (source, destination)
        self.ignore = ignore
        self.split_column = split_column
        self.names: list[str] = []  # of the nodes
        self.encoder = TableEncoder([])
        self.id_reading: dict[str, Reading] = {}
        self.digests: list[str] = []

    def load(self) -> Graph:
        """Return the graph.

        Raises:
            UserError: a file cannot be read or lacks a column, ids are missing or stand twice, or there is no target.
        """
        columns = column_names(self.nodes_path, "data.nodes")
        free = [name for name in columns if name not in self.targets] or [*self.targets]
        is_indexed = len(free) > 1 and is_nameless(free[0]) and NAMES_ROWS.fullmatch(free[1])
        self.id = self.id or free[1 if is_indexed else 0]
        roles = {"id": self.id, "split_column": self.split_column}
        several = {"target": self.targets, "ignore": self.ignore}
        named = [*roles.items(), *((key, name) for key, names in several.items() for name in names)]
        require_columns(named, columns, self.nodes_path)
        spelling = Spelling(texts=(self.id,), is_local=True, settings=("ignore",))
        table, readings = read_columns(self.nodes_path, None, spelling, "data.nodes")
        self.digests = [digest_of(path) for path in (self.nodes_path, self.edges_path)]
        self.names = self.ids_of(table, f"data.nodes={self.nodes_path}")
        self.id_reading = {self.id: readings[self.id]}
        encoded = self.targets_of(table.select(self.targets))
        left_out = {*roles.values(), *self.targets, *self.ignore}
        described = table.select([name for name in columns if name not in left_out])
        self.encoder = TableEncoder.fit([described], readings, row_numbers(described))
        features = self.encoder.encode(described, "the nodes") if self.encoder.columns else None
        if features is None:
            logger.info("Nodes have no features: each is told apart from the others, and edges say the rest.")
        parts = None
        if self.split_column is not None:
            parts = stated(table[self.split_column])
        task, targets, classes = encoded
        names = () if classes else self.targets
        edges = read_edges(self.edges_path, self.ends, self.names, f"{self.nodes_path} does not have")
        return Graph(edges, targets, classes, features, self.encoder.names, parts, task, names)

    def ids_of(self, table: "pl.DataFrame", what: str) -> list[str]:
        """Return the names of the nodes in a table."""
        assert self.id is not None
        names = texts_of(table[self.id])
        if names.null_count():
            raise UserError(f"{what}: row {names.is_null().arg_true()[0] + 1} has no {self.id}")
        twice = names.filter(names.is_duplicated())
        if len(twice):
            raise UserError(f"{what}: {self.id} {twice[0]!r} stands in several rows; data.id= names another column")
        return names.to_list()

    def targets_of(self, table: "pl.DataFrame") -> Targets:
        """Return the task, the targets of all nodes as `Graph` has them, and the names of classes or labels."""
        known = present_in(table, self.targets)
        task, values, names = encode_targets(table.filter(known), self.task)
        is_class = task == "classification"
        targets = np.full((len(known), *values.shape[1:]), IGNORED if is_class else np.nan, values.dtype)
        targets[known.to_numpy()] = values
        found = Targets(task, targets, names)
        found.say(self.nodes_path, table.get_columns(), self.task)
        if not known.all():
            logger.info(
                "{} of {} nodes have no {}: they belong to no part, but stay in the graph.",
                (~known).sum(),
                len(known),
                " or no ".join(self.targets),
            )
        return found

    def read_inputs(self, path: Path, spec: DataSpec) -> NewSamples:
        """Return the features of all nodes in their order, and the ids of the file's rows.

        Raises:
            UserError: the file cannot be read, or has other nodes than the graph of the training.
        """
        assert self.id is not None
        table = read_as(path, self.encoder.readings | self.id_reading, "input")
        require_columns([("id", self.id)], table.columns, path)
        names = self.ids_of(table, f"input={path}")
        number = {name: place for place, name in enumerate(self.names)}
        strange = [name for name in names if name not in number]
        absent = [name for name in self.names if name not in set(names)] if self.encoder.columns else []
        if strange or absent:
            raise UserError(
                f"input={path} must have the nodes of the graph that was trained on, as edges join these: "
                f"{f'{strange[0]} is not one of them' if strange else f'{absent[0]} is missing'}"
            )
        rows = np.full(len(self.names), -1)  # of the file, for each node
        rows[[number[name] for name in names]] = np.arange(len(names))
        has_features = bool(self.encoder.columns)
        features = self.encoder.encode(table, f"the nodes of {path}")[rows] if has_features else np.eye(len(rows))
        return NewSamples(len(names), [(features, rows)], table.select(self.id))

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
        """Take what a checkpoint keeps; refuse a file that has changed since."""
        paths = self.nodes_path, self.edges_path
        for path, now, before in zip(paths, self.digests, state_dict["digests"], strict=False):
            if now != before:
                raise UserError(f"{path} has changed since this run was trained: it is a different graph now")
        self.names, self.id = list(state_dict["names"]), state_dict["id"]
        self.id_reading = {name: Reading.from_state(state) for name, state in state_dict["id_reading"].items()}
        self.encoder = TableEncoder.from_state(state_dict["encoder"])
