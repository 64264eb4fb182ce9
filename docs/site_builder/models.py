"""The pages of the models: the docstring of each module, with its equations, its settings, and the tests that prove it.

Everything is parsed, nothing is imported.
"""

import ast
import re
from pathlib import Path

from .pages import TEMPLATE

BEGIN = """# Models

One model, one file, its equation on top. Each page shows the docstring of the file, its configuration, and its tests by
their names.

| `model=` | |
|---|---|
"""


def model_pages(project: Path) -> dict[str, str]:
    """Return a page for each module that `model=` can choose from, by its name on the site, and one that lists them."""
    (models,) = (project / "src").glob("*/models")
    chosen: dict[str, list[Path]] = {}
    for config in sorted((models.parent / "configs/model").glob("*.yaml")):
        target = re.search(r"^_target_: \w+\.models\.(\w+)\.\w+", config.read_text(encoding="utf-8"), re.MULTILINE)
        if target:
            chosen.setdefault(target[1], []).append(config)
    pages, rows = {}, []
    for module, configs in chosen.items():
        doc = docstring(models / f"{module}.py")
        name = f"model_{module}"
        words = ", ".join(config.stem for config in configs)
        parts = formulas_of_parts(models / f"{module}.py")
        pages[name] = f"# {words}\n\n{markdown(doc)}\n" + parts + settings(configs) + proofs(module, project)
        rows.append(f"| [{words}]({name}.md) | {markdown(doc.partition(chr(10))[0])} |\n")
    return {"models": BEGIN + "".join(rows) + hidden(list(pages))} | pages


def hidden(names: list[str]) -> str:
    """Return what puts pages below this one in the list of contents."""
    return "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"


def docstring(module: Path) -> str:
    """Return the docstring of a module."""
    return ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""


def formulas_of_parts(module: Path) -> str:
    """Return the formulas in the docstrings of a module's classes, each under the first line of its class."""
    text = ""
    for item in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(item, ast.ClassDef):
            first, *blocks = (ast.get_docstring(item) or "").split("\n\n")
            formulas = [block for block in blocks if block.startswith("    ")]
            text += f"\n`{item.name}`: " + markdown("\n\n".join([first, *formulas])) + "\n" if formulas else ""
    return "\n## Parts\n" + text if text else ""


def markdown(doc: str) -> str:
    """Return a docstring as Markdown: what is indented, formulas, is shown as it stands; addresses are links."""
    parts = []
    for block in re.split(r"\n\n+", doc):
        if block.startswith("    "):
            parts.append("```text\n" + re.sub(r"^    ", "", block, flags=re.MULTILINE) + "\n```")
        else:
            words = block.split("`")  # every second one is code
            words[::2] = [re.sub(r"(?<!\S)https?://\S*\w|[*_\[\]<>|\\]", as_written, word) for word in words[::2]]
            parts.append("`".join(words))
    return "\n\n".join(parts)


def as_written(found: re.Match[str]) -> str:
    """Return an address as a link, and a mark of Markdown as a character."""
    return f"<{found[0]}>" if len(found[0]) > 1 else f"\\{found[0]}"


def settings(configs: list[Path]) -> str:
    """Return the configurations of a model as they stand."""
    files = "".join(f"\n```yaml\n# configs/model/{file.name}\n{without_schema(file)}\n```\n" for file in configs)
    return "\n## Configuration\n" + files


def without_schema(config: Path) -> str:
    """Return a configuration without the line that is for editors."""
    lines = config.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("# yaml-language-server")).strip()


def proofs(module: str, project: Path) -> str:
    """Return the tests of a model by their names: those of the project, then those of the template."""
    text = "\n## Proofs\n"
    for folder, path in ((project, "tests"), (TEMPLATE, "tests/engine")):
        for file in sorted((folder / path).rglob("test_*.py")):
            tests = tests_of(module, file.read_text(encoding="utf-8"), all_of_them=file.stem == f"test_{module}")
            if tests:
                whose = "Of the template" if folder == TEMPLATE else "Of the project"
                text += f"\n{whose}, `{file.relative_to(folder).as_posix()}`:\n\n" + "".join(f"- {t}\n" for t in tests)
    return text


def tests_of(module: str, code: str, *, all_of_them: bool) -> list[str]:
    """Return the names of the tests in a file that use what it imports from the module of a model, or of all."""
    tree = ast.parse(code)
    names = [
        alias.asname or alias.name
        for item in ast.walk(tree)
        if isinstance(item, ast.ImportFrom) and (item.module or "").endswith(f"models.{module}")
        for alias in item.names
    ]
    used = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b" if names else r"(?!)")
    return [
        item.name.removeprefix("test_").replace("_", " ")
        for item in tree.body
        if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")
        if all_of_them or used.search(ast.get_source_segment(code, item) or "")
    ]
