"""A spec describes any data, travels as plain values, and comes back as what it was."""

import copy
import json
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.errors import UserError

PANEL = PanelSpec(
    encoder_length=4,
    decoder_length=2,
    quantiles=(0.1, 0.9),
    target="sales",
    known_reals=("price",),
    observed_categoricals=("weather",),
    cardinalities={"weather": 3},
)


@dataclass(frozen=True, kw_only=True)
class LanguageSpec(DataSpec):
    """A kind of data of a project's own."""

    vocabulary: tuple[str, ...]
    special: tuple[tuple[int, int], ...] = ()


def test_a_module_of_ones_own_states_what_it_knows_and_no_more():
    spec = DataSpec(input_shape=(1, 8, 8))
    assert (spec.task, spec.output_size, spec.class_names, spec.target_names) == ("", 0, (), ())


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_classes_and_labels_without_names_are_numbered(task):
    assert DataSpec(task, (2,), 3).class_names == ("0", "1", "2")
    assert DataSpec(task, (2,), 3).feature_names == ("x1", "x2")


def test_a_panel_states_its_shapes():
    assert (PANEL.task, PANEL.input_shape, PANEL.output_size) == ("forecasting", (6, 3), 2)
    assert PANEL.feature_names == ("price", "sales", "weather") and PANEL.target_names == ("sales",)
    assert replace(PANEL, train_size=7).encoder_length == 4


SPECS = [
    DataSpec("classification", (4,), 3, train_size=10, class_counts=(5, 5, 0)),
    DataSpec(task="segmentation of my own", input_shape=(8, 8, 1), has_weights=True),
    PANEL,
    LanguageSpec(task="language", vocabulary=("a", "b"), special=((0, 1),)),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_a_spec_comes_back_from_a_checkpoint_and_from_json_as_it_was(spec, tmp_path):
    torch.save(spec.to_dict(), tmp_path / "spec.pt")
    for values in (torch.load(tmp_path / "spec.pt", weights_only=True), json.loads(json.dumps(spec.to_dict()))):
        again = DataSpec.from_dict(values)
        assert type(again) is type(spec) and again == spec


def test_a_spec_can_be_pickled_and_its_copies_are_itself():
    spec = DataSpec("regression", (4,), 1, ridge=lambda: 2.5)
    assert copy.deepcopy([spec])[0] is spec and "ridge" not in spec.to_dict()
    again = pickle.loads(pickle.dumps(spec))
    assert again == spec and again.ridge == 2.5


def test_numbers_of_numpy_become_plain(tmp_path):
    counted = np.bincount([0, 1, 1])
    spec = DataSpec("classification", (2,), np.int64(2), class_counts=tuple(counted))
    torch.save(spec.to_dict(), tmp_path / "spec.pt")
    assert torch.load(tmp_path / "spec.pt", weights_only=True)["class_counts"] == (1, 2)


def test_what_a_checkpoint_cannot_hold_is_named():
    with pytest.raises(TypeError, match=r"DataSpec\.class_counts holds tensor"):
        DataSpec(class_counts=torch.ones(2)).to_dict()


def test_a_kind_that_was_not_imported_is_named_with_what_to_do():
    message = r"described by a MoleculeSpec, which is not known here; there is: DataSpec, PanelSpec.*\n.*imported first"
    with pytest.raises(UserError, match=message):
        DataSpec.from_dict({"kind": "MoleculeSpec", "nodes": 3})


def test_two_kinds_of_one_name_are_refused():
    with pytest.raises(TypeError, match=r"elsewhere and .*\.data\.spec both have a PanelSpec"):
        type("PanelSpec", (DataSpec,), {"__module__": "elsewhere"})
    assert DataSpec.kinds["PanelSpec"] is PanelSpec
