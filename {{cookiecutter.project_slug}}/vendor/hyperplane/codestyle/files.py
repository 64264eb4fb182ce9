"""Checks of files beside the code: the Makefile, what pyproject.toml declares, where the project comes from, git."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

from .answers import Answer, Finding
from .project import Project

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")  # in the order in which make looks
TEST_TARGET = re.compile(r"^(?:[\w.-]+ +)*test(?: +[\w.-]+)* *::?(?!=)", re.MULTILINE)
TEMPLATES = (".cruft.json", ".copier-answers.yml")
OTHER_LISTS = ("requirements*.txt", "requirements/*.txt", "environment.y*ml", "Pipfile", "setup.py", "setup.cfg")
LARGEST = 10_000_000  # bytes
RESULTS = re.compile(
    r"\.(ckpt|pth?|pt2|safetensors|onnx|pkl|pickle|pyc)$|(^|/)\.env(?!\.(example|template|sample)$)(\.\w+)?$|^(runs|wandb)/"
)


def check_makefile(project: Project, stage: str) -> Answer:
    """Find a Makefile that is missing, or that has no target `test`."""
    checked = "a Makefile with the target test"
    name = next((name for name in MAKEFILES if (project.root / name).is_file()), None)
    if name is None:
        return Answer(checked, [Finding("Makefile", 1, "there is no Makefile")])
    found = TEST_TARGET.search(project.read(name))
    return Answer(checked, [] if found else [Finding(name, 1, "has no target test")])


def check_template(project: Project, stage: str) -> Answer:
    """Find whether the project knows the template that it came from, so that it can follow its changes."""
    linked = "template_version" in project.table("tool", "hyperplane") or any(
        (project.root / name).is_file() for name in TEMPLATES
    )
    message = (
        "no template: neither template_version in [tool.hyperplane] nor .cruft.json. Start from one, or: cruft link"
    )
    findings = [] if linked else [Finding("pyproject.toml", project.line_of("[tool.hyperplane]"), message)]
    return Answer("the template that the project was made from", findings)


def check_dependencies(project: Project, stage: str) -> Answer:
    """Find other lists of dependencies, and imports that pyproject.toml does not declare."""
    checked = "pyproject.toml declares what src/ imports; no other list"
    findings = [
        Finding(project.relative(path), 1, "lists dependencies a second time: they belong in pyproject.toml")
        for pattern in OTHER_LISTS
        for path in sorted(project.root.glob(pattern))
        if not path.name.startswith("setup.") or "install_requires" in project.read(path.name)
    ]
    if not project.table("project"):
        missing = "has no table [project]" if project.has_pyproject else "there is no pyproject.toml"
        return Answer(checked, [Finding("pyproject.toml", 1, missing), *findings])
    return Answer(checked, findings + undeclared(project))


# Names of packages that are not installed tell nothing of what is imported.
IMPORTED_AS = {"mlflow": "mlflow-skinny"}


def undeclared(project: Project) -> list[Finding]:
    """Return the first import of each package that is neither declared, nor of Python, nor our own."""
    declared = declared_names(project)
    ours = {path.stem for path in project.source_folder.iterdir()} | {"src", "tests"}
    distributions = packages_distributions()
    findings: dict[str, Finding] = {}
    for source in project.sources:
        for name, line in imports(source.tree):
            known_as = {normal(name), IMPORTED_AS.get(name, ""), *map(normal, distributions.get(name, []))}
            if name not in sys.stdlib_module_names and name not in ours and not known_as & declared:
                message = f"imports {name}, which pyproject.toml does not declare"
                findings.setdefault(name, Finding(source.path, line, message))
    return list(findings.values())


def declared_names(project: Project) -> set[str]:
    """Return the names of all dependencies, also of the extras and groups."""
    table = project.table("project")
    lists = [table.get("dependencies", []), *project.table("project", "optional-dependencies").values()]
    lists += project.table("dependency-groups").values()
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


def check_git(project: Project, stage: str) -> Answer:
    """Find code that is in no commit or index, and results or keys that are."""
    checked = "a repository with a commit; code in it, results and keys not"
    try:
        head = project.run("git", "rev-parse", "--show-prefix", "HEAD")
    except FileNotFoundError:
        return Answer(checked, obstacle="git is not installed")
    if head.returncode:
        missing = "is in no repository: git init" if "not a git" in head.stderr else "no commit yet: git commit"
        return Answer(checked, [Finding("pyproject.toml", 1, missing)])
    listed = ("git", "ls-files", "-z", "--others")
    untracked = project.run(*listed, "--exclude-standard", "*.py", "*.yaml", "*.toml")
    findings = [Finding(name, 1, "is not under version control: git add") for name in names(untracked.stdout)]
    ignored = project.run(*listed, "--ignored", "--exclude-standard", "src/*.py", "src/*.yaml")
    findings += [
        Finding(name, 1, "is ignored by git: git check-ignore -v says by which line") for name in names(ignored.stdout)
    ]
    for name in names(project.run("git", "ls-files", "-z").stdout):
        path = project.root / name
        if RESULTS.search(name) or (path.is_file() and path.stat().st_size > LARGEST):
            findings.append(Finding(name, 1, "does not belong in git: git rm --cached, and a line in .gitignore"))
    return Answer(checked, findings)


def names(output: str) -> list[str]:
    return [name for name in output.split("\0") if name]
