"""Checks of files beside the code: the Makefile, what pyproject.toml declares, where the project comes from, git."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

from .codebase import Codebase
from .results import Finding, Result

TEST_TARGET = re.compile(r"^(?:[\w.-]+ +)*test(?: +[\w.-]+)* *::?(?!=)", re.MULTILINE)
OTHER_LISTS = ("requirements*.txt", "requirements/*.txt", "environment.y*ml", "Pipfile", "setup.py", "setup.cfg")
LARGEST = 10_000_000  # bytes
RESULTS = re.compile(
    r"\.(ckpt|pth?|pt2|safetensors|onnx|pkl|pickle|pyc)$|(^|/)\.env(?!\.(example|template|sample)$)(\.\w+)?$|^(runs|wandb)/"
)


def check_makefile(code: Codebase, stage: str) -> Result:
    """Find a Makefile that is missing, or that has no target `test`."""
    there = (code.root / "Makefile").is_file()
    has_target = there and TEST_TARGET.search(code.read("Makefile"))
    missing = "has no target test" if there else "there is no Makefile"
    return Result("a Makefile with the target test", [] if has_target else [Finding("Makefile", 1, missing)])


def check_template(code: Codebase, stage: str) -> Result:
    """Find whether the project knows the template that it came from, so that it can follow its changes."""
    linked = "template_version" in code.table("tool", "hyperplane") or (code.root / ".cruft.json").is_file()
    missing = "no template: neither template_version in [tool.hyperplane] nor .cruft.json. Try: cruft link"
    findings = [] if linked else [Finding("pyproject.toml", code.line_of("[tool.hyperplane]"), missing)]
    return Result("the template that the project was made from", findings)


def check_dependencies(code: Codebase, stage: str) -> Result:
    """Find other lists of dependencies, and imports that pyproject.toml does not declare."""
    checked = "pyproject.toml declares what src/ imports; no other list"
    findings = [
        Finding(code.relative(path), 1, "lists dependencies a second time: they belong in pyproject.toml")
        for pattern in OTHER_LISTS
        for path in sorted(code.root.glob(pattern))
        if not path.name.startswith("setup.") or "install_requires" in code.read(path.name)
    ]
    if not code.table("project"):
        return Result(checked, [Finding("pyproject.toml", 1, "has no table [project]"), *findings])
    return Result(checked, findings + undeclared(code))


def undeclared(code: Codebase) -> list[Finding]:
    """Return the first import of each package that is not declared, not of Python, and not under src/ or vendor/."""
    declared = declared_names(code)
    ours = {path.stem for folder in ("src", "vendor") for path in (code.root / folder).glob("*")}
    distributions = packages_distributions()
    findings: dict[str, Finding] = {}
    for source in code.sources:
        for name, line in imports(source.tree):
            known_as = {normal(name), *map(normal, distributions.get(name, []))}
            if name not in sys.stdlib_module_names and name not in ours and not known_as & declared:
                message = f"imports {name}, which pyproject.toml does not declare"
                findings.setdefault(name, Finding(source.path, line, message))
    return list(findings.values())


def declared_names(code: Codebase) -> set[str]:
    """Return the names of all dependencies, also of the extras and groups."""
    lists = [code.table("project").get("dependencies", []), *code.table("project", "optional-dependencies").values()]
    lists += code.table("dependency-groups").values()
    words = [word for words in lists for word in words if isinstance(word, str)]
    return {normal(re.split(r"[^\w.-]", word.strip())[0]) for word in words}


def normal(name: str) -> str:
    """Return the name of a package as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imports(tree: ast.Module) -> list[tuple[str, int]]:
    """Return the top-level name and the line of each absolute import."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.append((node.module.partition(".")[0], node.lineno))
    return found


def check_git(code: Codebase, stage: str) -> Result:
    """Find code that is in no commit or index, and results or keys that are."""
    checked = "a repository with a commit; code in it, results and keys not"
    try:
        head = code.run("git", "rev-parse", "--show-prefix", "HEAD")
    except FileNotFoundError:
        return Result(checked, obstacle="git is not installed")
    if head.returncode:
        missing = "is in no repository: git init" if "not a git" in head.stderr else "no commit yet: git commit"
        return Result(checked, [Finding("pyproject.toml", 1, missing)])
    outside = ("--others", "--exclude-standard")
    wrong = {
        "is not under version control: git add": listed(code, *outside, "*.py", "*.yaml", "*.toml"),
        "is ignored by git: git check-ignore -v says by which line": listed(
            code, *outside, "--ignored", "src/*.py", "src/*.yaml"
        ),
        "does not belong in git: git rm --cached, and a line in .gitignore": [
            name for name in listed(code) if RESULTS.search(name) or is_large(code, name)
        ],
    }
    return Result(checked, [Finding(name, 1, message) for message, names in wrong.items() for name in names])


def listed(code: Codebase, *options: str) -> list[str]:
    """Return the files that `git ls-files` names."""
    return [name for name in code.run("git", "ls-files", "-z", *options).stdout.split("\0") if name]


def is_large(code: Codebase, name: str) -> bool:
    path = code.root / name
    return path.is_file() and path.stat().st_size > LARGEST
