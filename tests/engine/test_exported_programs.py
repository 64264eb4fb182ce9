"""What an exported file says of itself, and that the lines which `export-model` prints call it."""

import ast
import importlib.util
import json
import subprocess
import sys

import numpy as np
import polars
import pytest
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.commands import export_model
from hyperplane.commands.export_model import call, export_run
from hyperplane.data.panels.scaling import PanelScaling
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.errors import UserError
from hyperplane.exporting import ABOUT, write_programs
from lightning.pytorch import LightningModule
from torch import nn

from my_research.losses.forecasting import Quantile
from my_research.models.tft import TFT
from my_research.tasks.classification import Classification
from my_research.tasks.forecasting import Forecasting
from my_research.tasks.regression import Regression

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="the extra `export`",
)


def about_of(path):
    """What a file says of itself, without the lines that it prints."""
    if path.suffix == ".onnx":
        import onnx

        return {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    files = {ABOUT: ""}
    torch.export.load(path, extra_files=files)
    return files


def ran(lines, folder):
    """What lines of Python print, in a process that has nothing of the project."""
    done = subprocess.run([sys.executable, "-I", "-c", lines], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_onnx
def test_a_table_travels_with_its_names_categories_and_fill_values(train, tmp_path, capsys):
    random = np.random.default_rng(0)
    area, heating = random.uniform(40, 200, 90), random.choice(["gas", "oil"], 90)
    label = np.where(area + 50 * (heating == "oil") > 140, "dear", "cheap")
    polars.DataFrame({"area": [None, *area[1:]], "heating": heating, "label": label}).write_csv("houses.csv")
    folder = train("data=table", "data.path=houses.csv", "data.target=label", "model=linear").folder
    capsys.readouterr()
    paths = export_run(folder)
    printed = capsys.readouterr().out
    for form, path in paths.items():
        said = about_of(path)
        about = json.loads(said[ABOUT])
        names = ["area", "area missing", "heating=gas", "heating=oil"]
        assert about["features"] == names and about["classes"] == ["cheap", "dear"] and about["targets"] == []
        (taken,) = about["inputs"]
        assert taken["name"] == "inputs" and taken["type"] == "float32" and taken["features"] == names
        assert taken["shape"] == ["batch", 4] and taken["example_shape"] == [1, 4]
        assert about["outputs"] == {"name": "predictions", "shape": ["batch", 2], "columns": ["cheap", "dear"]}
        assert about["columns"][1]["categories"] == ["gas", "oil"] and about["columns"][0]["kind"] == "Number"
        assert 40 < about["fill"]["area"] < 200 and [*about["fill"]] == ["area"]
        assert about["task"] == "classification" and "units of the training data" in about["units"]
        if form == "onnx":
            assert said["features"] == ", ".join(names) and said["classes"] == "cheap, dear"
            assert said["categories"] == "heating: gas, oil" and said["fill"].startswith("area: ")
        lines = call(form, path)
        assert lines in printed and len(lines.splitlines()) == 5
        output = ran(lines, tmp_path)
        assert output.startswith("['cheap', 'dear'] ")
        expected = load_trained(folder).task.predict_array(np.ones((1, 4), np.float32))
        found = output.partition("] ")[2].replace("tensor(", "").split("]]")[0] + "]]"
        np.testing.assert_allclose(ast.literal_eval(", ".join(found.split()).replace(",,", ",")), expected, atol=1e-3)


class Embedding(nn.Module):
    """A bag of token vectors."""

    def __init__(self):
        super().__init__()
        self.vectors, self.head = nn.Embedding(7, 4), nn.Linear(4, 3)

    def forward(self, tokens):
        return self.head(self.vectors(tokens).mean(dim=1))


@needs_onnx
def test_models_of_tokens_are_traced_with_tokens(tmp_path):
    spec = DataSpec("classification", (5,), 3, num_tokens=7)
    task = Classification(Embedding(), nn.CrossEntropyLoss(), spec, Scaling(spec), None).eval()
    paths = write_programs(task, spec, tmp_path, ["onnx"])
    about = json.loads(about_of(paths["onnx"])[ABOUT])
    assert about["tokens"] == 7 and about["inputs"][0]["type"] == "int64"
    ran(call("onnx", paths["onnx"]), tmp_path)


def test_a_program_has_one_output(tmp_path):
    class Parts(LightningModule):
        def forward(self, inputs):
            return {"first": inputs[:, :1]}

    with pytest.raises(UserError, match=r"Parts\.forward must return a tensor, not dict"):
        write_programs(Parts(), DataSpec("regression", (2,), 1), tmp_path, ["pt2"])


@needs_onnx
def test_times_in_seconds_keep_their_digits_on_the_way_in_and_out(tmp_path):
    spec = DataSpec("regression", (1,), 1)
    scaling = Scaling(spec)
    seconds = 1.7e9 + torch.linspace(0, 100, 50, dtype=torch.double).unsqueeze(1)  # a float32 knows every 128th
    scaling.fit(seconds, seconds)
    task = Regression(nn.Identity(), nn.MSELoss(), spec, scaling, None).eval()
    for form, path in write_programs(task, spec, tmp_path, ["pt2", "onnx"]).items():
        assert json.loads(about_of(path)[ABOUT])["inputs"][0]["type"] == "float64"
        if form == "pt2":
            found = torch.export.load(path).module()(seconds)
        else:
            import onnxruntime

            found = torch.from_numpy(onnxruntime.InferenceSession(path).run(None, {"inputs": seconds.numpy()})[0])
        assert found.dtype == torch.double and (found - seconds).abs().max() < 1e-4


@needs_onnx
def test_a_forecaster_says_what_its_windows_hold(tmp_path):
    spec = PanelSpec(
        encoder_length=4,
        decoder_length=2,
        quantiles=(0.1, 0.9),
        target="y",
        static_categoricals=("shop",),
        known_categoricals=("holiday",),
        observed_reals=("price",),
        cardinalities={"shop": 4, "holiday": 3},
    )
    network = TFT(spec, hidden_size=4, num_heads=1)
    task = Forecasting(network, Quantile(spec), spec, PanelScaling(spec), torch.optim.SGD).eval()
    state = {"categories": {"shop": ["a", "b", "c"], "holiday": ["no", "yes"]}, "means": {"y": 3.5}}
    path = write_programs(task, spec, tmp_path, ["onnx"], {"Panel": state})["onnx"]
    said = about_of(path)
    about = json.loads(said[ABOUT])
    assert about["panel"]["encoder_length"] == 4 and about["panel"]["quantiles"] == [0.1, 0.9]
    assert about["outputs"] == {"name": "predictions", "shape": ["batch", 2, 2], "columns": ["q0.1", "q0.9"]}
    taken = {one["name"]: (one["shape"], one["type"], one["features"]) for one in about["inputs"]}
    assert taken["past_reals"] == (["batch", 4, 2], "float32", ["price", "y"])
    assert taken["future_categoricals"] == (["batch", 2, 1], "int64", ["holiday"])
    assert about["panel"]["categories"] == state["categories"] and about["panel"]["fill"] == {"y": 3.5}
    assert said["categories"] == "shop: a, b, c; holiday: no, yes" and said["fill"] == "y: 3.5"
    assert ran(call("onnx", path), tmp_path).startswith("['q0.1', 'q0.9'] ")


def test_a_package_that_setup_does_not_install_is_named(train, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(export_model, "find_spec", lambda name: None if name.startswith("onnx") else find(name))
    with pytest.raises(
        UserError, match=r"`make setup` does not install.*pip install .*\[export\].*format=pt2 needs nothing"
    ):
        export_run("runs/any")
