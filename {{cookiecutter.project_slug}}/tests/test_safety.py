"""Nothing in the source unpickles or executes what it reads."""

import ast
from pathlib import Path

import pytest

import {{ cookiecutter.package_name }}

SOURCE = Path({{ cookiecutter.package_name }}.__file__).parent
FORBIDDEN = {"eval", "exec", "compile", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load", "os.system"}


def calls(path):
    """Every call in a file: its dotted name, and its keyword arguments as source text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_executes_nothing_that_it_reads(path):
    for name, arguments in calls(path):
        assert name not in FORBIDDEN, name
        assert arguments.get("shell", "False") == "False", f"{name} starts a shell"
        if name == "torch.load":
            assert arguments.get("weights_only") == "True", "torch.load without weights_only=True"
        if name.endswith((".test", ".fit", ".validate", ".predict")) and "ckpt_path" in arguments:
            assert arguments.get("weights_only") == "True", f"{name} without weights_only=True"
        if name.endswith(("np.load", "numpy.load")):
            assert arguments.get("allow_pickle") == "False", f"{name} without allow_pickle=False"
