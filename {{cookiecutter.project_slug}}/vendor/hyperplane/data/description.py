"""What the inputs and outputs of a trained model mean, as plain values that travel with an exported program."""

from collections.abc import Mapping
from typing import Any

from .columns.encoding import TableEncoder
from .panels.panel import Panel
from .spec import DataSpec, PanelSpec
from .tables.large_table import LargeTable
from .tables.table import Table

UNITS = "inputs and predictions are in the units of the training data"


def described(spec: DataSpec, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of inputs and outputs.

    Returns:
        `task`, `units`, `features` in order, `classes`, `targets`; for tokens how many there are. For a table
        `columns`: what each column of the file becomes, with categories and fill values; and `fill`, by features. For a
        panel `panel`: the variables, and the categories whose numbers are inputs, the first of each list being 1.
    """
    about: dict[str, Any] = {
        "task": spec.task,
        "units": UNITS,
        "features": list(spec.feature_names),
        "classes": list(spec.class_names),
        "targets": list(spec.target_names),
    }
    if spec.num_tokens:
        about["tokens"] = spec.num_tokens
    if isinstance(spec, PanelSpec):
        return about | {"panel": panel_of(spec, checkpoint.get(Panel.__qualname__) or {})}
    state = checkpoint.get(Table.__qualname__) or checkpoint.get(LargeTable.__qualname__)
    if state is not None:
        encoder = TableEncoder.from_state(state["encoder"])
        centres = encoder.centres.tolist()
        about["columns"] = [{"features": column.outputs} | column.state() for column in encoder.columns]
        about["fill"] = {n: c for n, c, is_one in zip(encoder.names, centres, encoder.measured, strict=True) if is_one}
    return about


def panel_of(spec: PanelSpec, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what windows of a panel hold; `state` is that of the data module, empty for generated data."""
    values = spec.to_dict()
    kinds = ("static_categoricals", "known_reals", "known_categoricals", "observed_reals", "observed_categoricals")
    return {
        "encoder_length": spec.encoder_length,
        "decoder_length": spec.decoder_length,
        "quantiles": list(spec.quantiles),
        **{kind: list(values[kind]) for kind in kinds},
        "categories": {name: list(names) for name, names in state.get("categories", {}).items()},
        "fill": dict(state.get("means", {})),
    }


def readable(about: Mapping[str, Any]) -> dict[str, str]:
    """Return the same as texts, by keys that a viewer of programs shows."""
    texts = {name: about[name] for name in ("task", "units") if about[name]}
    texts |= {name: ", ".join(about[name]) for name in ("features", "classes", "targets") if about[name]}
    panel, columns = about.get("panel", {}), about.get("columns", [])
    lists = {column["name"]: column["categories"] for column in columns if "categories" in column}
    categories = panel.get("categories") or lists
    fill = panel.get("fill") or about.get("fill", {})
    if categories:
        texts["categories"] = "; ".join(
            f"{name}: {', '.join('missing' if value is None else value for value in values)}"
            for name, values in categories.items()
        )
    if fill:
        texts["fill"] = ", ".join(f"{name}: {value:.6g}" for name, value in fill.items())
    return texts
