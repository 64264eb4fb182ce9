"""pydantic for all settings: settings that nothing checks, in a dict, a plain class, an option or the environment."""

import ast
import re
from collections.abc import Iterator

from .answers import Answer, Finding
from .project import Project

SETTINGS_NAME = re.compile(r"(^|_)(config|configs|settings|hparams|hyper_?param(eter)?s)$", re.IGNORECASE)
SETTINGS_CLASS = re.compile(r"(Config|Configuration|Settings|H[Pp]arams|Hyper[Pp]aram(eter)?s)$")
UNCHECKED_BASES = {"TypedDict", "NamedTuple", "Namespace", "SimpleNamespace"}
# The environment of a job belongs to its cluster or launcher, and is no setting of ours.
NOT_OURS = re.compile(r"^(SLURM|CUDA|NCCL|OMP|MKL|HYDRA|WANDB|RAY|RANK|LOCAL|WORLD|NODE|MASTER)")


def check_settings(project: Project, stage: str) -> Answer:
    """Find settings that no pydantic model checks."""
    findings = [
        Finding(source.path, line, f"{what}: use a pydantic model")
        for source in project.sources
        for line, what in [*named_settings(source.tree), *converted_words(source.tree)]
    ]
    return Answer("settings in dicts, plain classes, argparse, os.environ", findings)


def named_settings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield module-level dicts and classes that are called settings and are no pydantic models."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and SETTINGS_CLASS.search(node.name) and holds_unchecked_fields(node):
            yield node.lineno, f"{node.name} takes any value"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and is_dict_of_words(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and SETTINGS_NAME.search(target.id):
                    yield node.lineno, f"{target.id} is a dict of settings"


def holds_unchecked_fields(node: ast.ClassDef) -> bool:
    """Whether a class has fields, and is a dataclass, a typed dictionary or nothing but a class."""
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    decorators = {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}
    unchecked = "dataclass" in decorators or "dataclasses.dataclass" in decorators or bases <= UNCHECKED_BASES
    if "pydantic.dataclasses.dataclass" in decorators:
        unchecked = False
    return unchecked and any(isinstance(statement, ast.AnnAssign | ast.Assign) for statement in node.body)


def is_dict_of_words(node: ast.expr | None) -> bool:
    """Whether an expression is {"learning_rate": …} or dict(learning_rate=…)."""
    if isinstance(node, ast.Dict):
        return bool(node.keys) and all(
            isinstance(key, ast.Constant) and isinstance(key.value, str) for key in node.keys
        )
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "dict" and bool(node.keywords)


def converted_words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield numbers that come from the command line by argparse, or from the environment."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called.endswith(".add_argument"):
            words = {keyword.arg: keyword.value for keyword in node.keywords}
            default = words.get("default")
            if isinstance(default, ast.Constant) and type(default.value) in (int, float) and "type" in words:
                yield node.lineno, f"{ast.unparse(node.args[0]) if node.args else 'an option'} is a setting in argparse"
        elif called in ("int", "float", "bool") and node.args:
            name = environment_variable(node.args[0])
            if name and not NOT_OURS.match(name):
                yield node.lineno, f"{name} of the environment is a setting"


def environment_variable(node: ast.expr) -> str | None:
    """Return X of os.environ["X"], os.environ.get("X", …) and os.getenv("X", …), or None."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        key = node.slice
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv") and node.args:
        key = node.args[0]
    else:
        return None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
