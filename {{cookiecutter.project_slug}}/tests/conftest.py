"""`train("model=mlp")` runs the command in this process, in an empty folder; torch is imported once for all tests."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hyperplane.command_line import start
{%- if cookiecutter.examples == 'all' %}
from hyperplane.data.spec import PanelSpec
{%- endif %}
from loguru import logger

from {{ cookiecutter.package_name }} import PROJECT  # noqa: F401 (tells the engine which project it serves)

torch.set_num_threads(1)  # small matrices gain nothing from more
QUICK = ["trainer.max_epochs=1", "trainer.limit_train_batches=2", "tracking=none", "figures=false", "hardware=cpu"]


class Run(NamedTuple):
    """How a training ended: its exit status, what it said, and its folder if there is one."""

    status: int
    said: str
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """The folder of data sets that take a while to be made."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def train(tmp_path, made_once, monkeypatch, capsys):
    """`train("model=mlp", "seed=1")` trains two batches, without tracker and figures, unless told otherwise."""
    (tmp_path / "data").symlink_to(made_once)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # the command sets it: forgotten again after the test

    def run(*overrides: str, status: int | None = 0) -> Run:
        monkeypatch.setattr(sys, "argv", ["train", *QUICK, *overrides])
        before = set(Path().glob("runs/*/*/"))
        try:
            ended = start("train") or 0
        except SystemExit as stop:
            ended = int(stop.code or 0)
        said = "".join(capsys.readouterr())
        assert status in (ended, None), said
        return Run(ended, said, next(iter(set(Path().glob("runs/*/*/")) - before), Path()))

    yield run
    logger.remove()  # the terminal of this test is gone


@pytest.fixture(autouse=True)
def seeded():
    """Let every test draw the same numbers, alone or among others."""
    torch.manual_seed(0)


@pytest.fixture
def outputs_of():
    """`outputs_of(network, spec)` are those of five samples; each must be the same when it is computed alone."""

    def compute(network, spec):
        x = torch.randn(5, *spec.input_shape)
        outputs = network.eval()(x)
        assert torch.allclose(outputs, torch.cat([network(sample[None]) for sample in x]), atol=1e-5)
        return outputs

    return compute
{%- if cookiecutter.examples == 'all' %}


@pytest.fixture
def windows():
    """A panel of 6 + 2 steps, and the inputs of five windows, see `Windows`."""
    known = {"static_categoricals": ("shop",), "known_reals": ("price",), "known_categoricals": ("day",)}
    sizes = {"encoder_length": 6, "decoder_length": 2, "cardinalities": {"shop": 3, "day": 7}}
    panel = PanelSpec(quantiles=(0.1, 0.5, 0.9), target="y", **known, **sizes)
    shops, days = torch.randint(3, (5, 1)), torch.randint(7, (5, 8, 1))
    return panel, (shops, torch.randn(5, 6, 2), days[:, :6], torch.randn(5, 2, 1), days[:, 6:])
{%- endif %}
