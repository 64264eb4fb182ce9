"""Nothing in the source unpickles or executes what it reads, by whatever name it is called."""

import ast
import builtins
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path

import hyperplane
import pytest

import my_research

# Both are listed by: the project with its configurations, and the engine with its plugins for Hydra.
SOURCES = [Path(package.__path__[0]).parent for package in (my_research, hyperplane)]
FILES = [path for folder in SOURCES for path in sorted(folder.rglob("*.py"))]
# Runs code from a file or a string, or starts a shell; and so may all that lies below.
FORBIDDEN = """
    eval exec compile __import__ builtins code codeop ctypes imp runpy pty os.system os.popen os.exec* os.spawn*
    pickle _pickle cPickle dill cloudpickle jsonpickle marshal shelve joblib.load pandas.read_pickle yaml
    numpy.lib torch.hub torch.jit torch.package torch.utils.cpp_extension torch.distributed.rpc
    subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_shell importlib.machinery
    importlib.util.spec_from_file_location hydra.utils hydra._internal.instantiate skops.io.load skops.io._persist
"""
FINE = {"pickle.UnpicklingError", "torch.jit.is_tracing"}
FINE |= {"yaml.MarkedYAMLError", "yaml.YAMLError", "yaml.safe_load", "yaml.safe_dump"}
FINE |= {"yaml.CSafeDumper", "yaml.SafeDumper", "yaml.ScalarNode", "yaml.dump"}  # these write
# Safe with this argument; never without a call, where the argument could be missing.
SAFE_WITH = {"torch.load": "weights_only=True", "numpy.load": "allow_pickle=False"}
# These read names from settings and checkpoints, and compare them with a list before they import anything; `imports.py`
# imports one module later than others, `component_settings.py` the package of the process that sent settings.
IMPORT_BY_NAME = {"component_settings.py", "components.py", "estimators.py", "imports.py"}


def imported(tree):
    """What the imported names of a file stand for: {"np": "numpy", "read": "pickle.load"}."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found |= {alias.asname: alias.name} if alias.asname else {top: top, alias.name: alias.name}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def problems(source, file="any.py"):
    """Return what a file names or calls that it must not."""
    tree = ast.parse(source)
    modules = imported(tree)

    def full_name(node):
        if isinstance(node, ast.Attribute):
            return f"{full_name(node.value)}.{node.attr}"
        if isinstance(node, ast.Name) and (node.id in modules or hasattr(builtins, node.id)):
            return modules.get(node.id, node.id)
        return "?"  # a variable, such as `code`

    nodes = list(ast.walk(tree))
    parts = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    read = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)]
    names = [full_name(node) for node in read if id(node) not in parts]
    calls = [(full_name(node.func), node) for node in nodes if isinstance(node, ast.Call)]
    found = {
        name
        for name in {*names, *modules.values()} - FINE
        if any(fnmatch(name, forbidden) or fnmatch(name, f"{forbidden}.*") for forbidden in FORBIDDEN.split())
    }
    for name in SAFE_WITH:
        if names.count(name) > len([call for call, _ in calls if call == name]):
            found.add(f"{name} passed on")
    for name, call in calls:
        given = {f"{word.arg}={ast.unparse(word.value)}" for word in call.keywords}
        if name in SAFE_WITH and SAFE_WITH[name] not in given:
            found.add(f"{name} without {SAFE_WITH[name]}")
        if any(word.startswith("shell=") for word in given - {"shell=False"}):
            found.add(f"{name} with a shell")
        if any(word.startswith("ckpt_path=") for word in given) and "weights_only=True" not in given:
            found.add(f"{name} without weights_only=True")
        is_relative = bool(call.args) and ast.unparse(call.args[0]).lstrip("f")[1:2] == "."
        if name == "importlib.import_module" and not is_relative and file not in IMPORT_BY_NAME:
            found.add("import_module of any name")
    return sorted(found)


def test_the_files_are_those_of_the_project_and_of_the_engine():
    assert {"src", "vendor"} == {folder.name for folder in SOURCES}
    places = {f"{path.parent.name}/{path.name}" for path in FILES}
    assert {"models/mlp.py", "checkpoints/file.py", "hydra_plugins/local_launcher.py"} <= places


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_executes_nothing_that_it_reads(path):
    assert problems(path.read_text(encoding="utf-8"), path.name) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(file)",
        "import pickle as p\np.load(file)",
        "from pickle import load as read\nread(file)",
        "from pickle import Unpickler",
        "import pickle\ngetattr(pickle, 'load')(file)",
        "read = __import__('pickle').load",
        "from importlib import import_module\nimport_module('pickle').load(file)",
        "import importlib as i\ni.import_module(name)",
        "import yaml\nyaml.load(file, yaml.Loader)",
        "from yaml import unsafe_load",
        "import joblib\njoblib.load(path)",
        "import shelve",
        "import marshal",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "from numpy import load\nread = load",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.load(path, **{'weights_only': False})",
        "from torch import load as read\nread(path)",
        "import torch\nread = torch.load",
        "import torch\ntorch.hub.load(repository)",
        "import torch\ntorch.jit.load(path)",
        "import torch.hub as h\nh.load(repository)",
        "trainer.test(task, ckpt_path=path)",
        "eval(text)",
        "run = exec",
        "import builtins\nbuiltins.eval(text)",
        "from os import system",
        "import os\nos.popen(text)",
        "import os\nos.execv(path, [])",
        "import subprocess\nsubprocess.run(text, shell=True)",
        "import subprocess as s\ns.Popen(text, shell=is_windows)",
        "from hydra.utils import instantiate",
        "from skops.io import load",
    ],
)
def test_no_way_around_goes_unnoticed(source):
    assert problems(source)


def test_what_is_safe_is_not_complained_about():
    source = ["import re, torch", "from yaml import YAMLError", "re.compile(x)", "torch.load(path, weights_only=True)"]
    assert problems("\n".join(source)) == []
