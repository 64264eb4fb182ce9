"""What a signature says is read from its source, which is found by name and never run."""

import importlib
import inspect
import sys

import pytest
from hyperplane.signatures.classes import class_attribute, literal
from hyperplane.signatures.parameters import signature
from hyperplane.signatures.source import definition

PACKAGE = "my_research"


def written_as(target):
    """The file and the line in which a name is defined."""
    found = definition(target)
    return found and (found.module.name, found.node.lineno)


@pytest.mark.parametrize(
    "target",
    [
        "torch.optim.Adam",
        "torch.optim.lr_scheduler.StepLR",
        "torch.nn.CrossEntropyLoss",
        "lightning.pytorch.callbacks.LearningRateMonitor",
        "torchmetrics.F1Score",
        "torchmetrics.classification.BinaryAUROC",
        f"{PACKAGE}.models.mlp.MLP",
        "hyperplane.tasks.task.Task",
    ],
)
def test_a_class_is_found_where_it_is_defined(target):
    module, _, name = target.rpartition(".")
    made = getattr(importlib.import_module(module), name)
    found = definition(target)
    assert found.node.name == name
    assert sys.modules[found.module.name].__dict__[name] is made


@pytest.mark.parametrize(
    "target",
    ["", "os", "torch.nn..Linear", "torch.optim.lr_scheduler.sys.modules", "nowhere.x", f"{PACKAGE}.models.mlp.MPL"],
)
def test_what_is_not_written_anywhere_is_not_found(target):
    assert definition(target) is None


def test_names_are_followed_through_imports_in_every_form(write):
    write("models/parts/__init__.py", "from .deep import *\nfrom . import deep as depth\nfrom .circle import Round\n")
    write("models/parts/deep.py", "class Encoder:\n    pass\n\n\nCoder = Encoder\n")
    write("models/parts/circle.py", "from . import Round\n")
    write(
        "models/mine.py",
        f"""
import {PACKAGE}.models.parts.deep as deepest
if True:
    from .parts import Encoder
try:
    from .parts.deep import Coder as Other
except ImportError:
    Other = None
from ..models import parts
""",
    )
    encoder = (f"{PACKAGE}.models.parts.deep", 1)
    for name in ("Encoder", "Other", "parts.Encoder", "parts.depth.Coder", "deepest.Encoder"):
        assert written_as(f"{PACKAGE}.models.mine.{name}") == encoder, name
    assert written_as(f"{PACKAGE}.models.parts.Round") is None, "a circle of imports ends"


def test_nothing_that_is_read_is_run(write, tmp_path):
    write("models/evil.py", f"class Evil:\n    good = open({str(tmp_path / 'was-here')!r}, 'w')\n")
    assert written_as(f"{PACKAGE}.models.evil.Evil") == (f"{PACKAGE}.models.evil", 1)
    assert class_attribute(f"{PACKAGE}.models.evil.Evil", "good", "unsaid") == "unsaid"
    assert not (tmp_path / "was-here").exists() and f"{PACKAGE}.models.evil" not in sys.modules
    write("models/broken.py", "class Evil(:")
    assert written_as(f"{PACKAGE}.models.broken.Evil") is None


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("classification.BinaryF1Score", True),  # its own
        ("classification.MulticlassAccuracy", True),
        ("classification.MultilabelAUROC", True),
        ("classification.BinaryHammingDistance", False),
        ("MeanSquaredError", False),
        ("R2Score", True),
        ("text.Perplexity", False),
        ("MeanMetric", None),  # stated nowhere
    ],
)
def test_a_class_attribute_is_that_of_the_class(name, better):
    target = f"torchmetrics.{name}"
    module, _, attribute = target.rpartition(".")
    kind = getattr(importlib.import_module(module), attribute)
    assert class_attribute(target, "higher_is_better") == better == kind.higher_is_better


def test_a_class_attribute_is_inherited_as_python_does(write):
    write("models/base.py", "class Base:\n    is_fast: bool = True\n    size = -3\n    hint: str\n    made = abs(-3)\n")
    write("models/own.py", "from . import base\n\n\nclass Own(base.Base):\n    is_fast = False\n    is_fast = None\n")
    own = f"{PACKAGE}.models.own.Own"
    assert class_attribute(own, "is_fast", "unsaid") is None
    assert class_attribute(own, "size") == -3
    for name in ("hint", "made", "other"):
        assert class_attribute(own, name, "unsaid") == "unsaid"


def test_reading_imports_no_torch(python):
    python("""
import sys
from hyperplane.signatures.classes import class_attribute
from hyperplane.signatures.source import definition
assert definition("torch.optim.Adam") and class_attribute("torchmetrics.R2Score", "higher_is_better")
slow = set("torch torchmetrics lightning numpy pydantic".split()) & set(sys.modules)
assert not slow, slow
""")


def test_signatures_of_libraries_are_read_as_python_has_them():
    compared = 0
    for module in ("torch.optim", "torch.optim.lr_scheduler", "lightning.pytorch.callbacks", "torch.nn"):
        for name, made in vars(importlib.import_module(module)).items():
            if not inspect.isclass(made) or not made.__module__.startswith(module) or name.startswith("_"):
                continue
            parameters = inspect.signature(made).parameters.values()
            named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
            read = signature(f"{module}.{name}")
            if read is None or read.is_open or len(named) < len(parameters):
                continue  # takes any settings
            assert list(read.parameters) == [one.name for one in named], name
            for one in named:
                written = read.parameters[one.name].default
                assert (written is None) == (one.default is one.empty), (name, one)
                assert literal(written, one.default) == one.default, (name, one)
            compared += 1
    assert compared > 180
