"""pydantic for all settings: settings that nothing checks, in a dict, a plain class, an option or the environment."""

import ast
import re
from collections.abc import Iterable, Iterator

from .codebase import Codebase, last_name, word
from .results import Finding, Result

SETTINGS_NAME = re.compile(r"(^|_)(cfg|configs?|settings|hparams|hyper_?param(eter)?s)$", re.IGNORECASE)
SETTINGS_CLASS = re.compile(r"(Config|Configuration|CFG|Cfg|Settings|Args|Arguments|H[Pp]arams|Hyper[Pp]aram(eter)?s)$")
# What is set before a training, by the field's names. One of them may be a result; several together are settings.
SETTING = re.compile(
    r"(lr|learning_rate|batch_size|epochs|(num|n|max)_(epochs|steps|layers|heads)|hidden(_\w+)?|dropout|weight_decay"
    r"|momentum|optimizer|scheduler|activation|patience)$"
)
SEVERAL = 2
UNCHECKED_BASES = {"TypedDict", "NamedTuple", "Namespace", "SimpleNamespace"}
# The environment of a job belongs to its cluster or launcher, and is no setting of ours.
NOT_OURS = re.compile(r"^(SLURM|CUDA|NCCL|OMP|MKL|HYDRA|WANDB|MLFLOW|RAY|RANK|LOCAL|WORLD|NODE|MASTER)")


def check_settings(code: Codebase, stage: str) -> Result:
    """Find settings that no pydantic model checks."""
    findings = [
        Finding(source.path, line, f"{what}: use a pydantic model")
        for source in code.sources
        for line, what in sorted([*dicts(source.tree), *classes(source.tree), *loaded(source.tree)])
    ]
    return Result("settings in dicts, plain classes, argparse, os.environ", findings)


def dicts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield {"learning_rate": …} and dict(learning_rate=…), if its name or its keys say that it holds settings."""
    named = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            named[node.value] = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    inner: set[ast.AST] = set()  # sections of a dict that is told already
    for found in ast.walk(tree):
        if isinstance(found, ast.Dict | ast.Call) and found not in inner and (entries := entries_of(found)):
            name = named.get(found, "")
            if SETTINGS_NAME.search(name) or are_settings(entries):
                inner |= {*ast.walk(found)}
                yield found.lineno, f"{name or 'this'} is a dict of settings"


def entries_of(node: ast.Dict | ast.Call) -> list[tuple[str, ast.expr | None]]:
    """Return the words of a dict and their values; empty where it has other keys."""
    if isinstance(node, ast.Dict):
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        return list(zip(keys, node.values, strict=True)) if len(keys) == len(node.keys) else []
    is_dict = last_name(node.func) in {"dict", *UNCHECKED_BASES}
    return [(given.arg, given.value) for given in node.keywords if given.arg] if is_dict else []


def are_settings(entries: Iterable[tuple[str, ast.expr | None]]) -> bool:
    """Whether several names are settings with values that stand in the code; {"params": …} is a group of parameters."""
    values = dict(entries)
    named = [name for name, value in values.items() if SETTING.match(name) and stands_there(value)]
    return len(named) >= SEVERAL and "params" not in values


def stands_there(value: ast.expr | None) -> bool:
    """Whether an expression is a number, a word, or a list of numbers."""
    kinds: tuple[type, ...] = (int, float, str)
    if isinstance(value, ast.List | ast.Tuple):
        return all(isinstance(item, ast.Constant) and isinstance(item.value, kinds[:2]) for item in value.elts)
    return isinstance(value, ast.Constant) and isinstance(value.value, kinds)


def classes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield dataclasses, typed dictionaries and plain classes, if their name or their fields are those of settings."""
    pydantic = {"pydantic.dataclasses.dataclass"} | {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pydantic")
        for name in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = {*map(last_name, node.bases)}
            decorators = {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}
            is_dataclass = decorators & {"dataclass", "dataclasses.dataclass", "attr.s", "attrs.define", "define"}
            unchecked = not decorators & pydantic and (is_dataclass or bases <= UNCHECKED_BASES)
            fields = list(fields_of(node))
            if fields and unchecked and (SETTINGS_CLASS.search(node.name) or are_settings(fields)):
                yield node.lineno, f"{node.name} takes any value"


def fields_of(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the name and the default of each field, also of those that are arguments of __init__."""
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            yield ast.unparse(statement.target), statement.value
        elif isinstance(statement, ast.Assign):
            yield ast.unparse(statement.targets[0]), statement.value
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield from ((argument.arg, None) for argument in statement.args.args[1:])


def loaded(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield settings that come in as words: options, variables of the environment, and keys of what was loaded."""
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and last_name(node.func) in ("add_argument", "option"):
            name = next((text for text in map(word, node.args) if text.startswith("--")), "")
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            default = given.get("default")
            is_number = isinstance(default, ast.Constant) and type(default.value) in (int, float) and "type" in given
            if is_number or SETTING.match(name.lstrip("-").replace("-", "_")):
                yield node.lineno, f"{name or 'an option'} is a setting that only its type checks"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("int", "float", "bool") and node.args:
            holder, key = looked_up(node.args[0])
            if key and holder in ("environ", "getenv") and not NOT_OURS.match(key):
                yield node.lineno, f"{key} of the environment is a setting"
        elif isinstance(node, ast.Call | ast.Subscript):
            holder, key = looked_up(node)
            if SETTING.match(key) and SETTINGS_NAME.search(holder) and holder not in told:
                told.add(holder)
                yield node.lineno, f"{key} is whatever {holder} holds"


def looked_up(node: ast.expr) -> tuple[str, str]:
    """Return x and the word in `x["word"]`, `x.get("word", …)` and `x("word")`, without what x belongs to."""
    if isinstance(node, ast.Subscript):
        return last_name(node.value), word(node.slice)
    if isinstance(node, ast.Call) and node.args:
        return ast.unparse(node.func).removesuffix(".get").rpartition(".")[2], word(node.args[0])
    return "", ""
