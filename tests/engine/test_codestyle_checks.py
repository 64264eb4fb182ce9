"""Each check of codestyle finds what it should, and nothing where all is well."""

import pytest
from hyperplane.codestyle.codebase import Codebase
from hyperplane.codestyle.results import Finding
from hyperplane.codestyle.table import TOPICS

import tiny_project

PYPROJECT, tiny, answer, git = tiny_project.PYPROJECT, tiny_project.tiny, tiny_project.answer, tiny_project.git

MEASURED = f"""\
{PYPROJECT}[tool.coverage.run]
source = ["src"]
[tool.pytest.ini_options]
pythonpath = ["src", "vendor"]
[tool.coverage.report]
include_namespace_packages = true
"""
BRANCHES = "if model == 'mlp':\n    f(1)\nelif model == 'cnn':\n    f(2)\n"
CHAIN = BRANCHES + "elif model == 'rnn':\n    f(3)\n"
METHODS = "    def fit(self): ...\n    def predict(self): ...\n\n\n"
PAIR = "class A{}:\n" + METHODS + "class B{}:\n" + METHODS
RETURNS = "".join(f"    if a == {i}:\n        return {i}\n" for i in range(7))
DATACLASS = "from dataclasses import dataclass\n\n\n@dataclass\nclass TrainConfig:\n    lr: float"

# topic, the file that spoils a tiny project, and the line that is found
SPOILED = [
    ("pathlib", "src/b.py", "import os\n\nos.path.join('a', 'b')\n", 3),
    ("loguru", "src/b.py", "x = 1\nprint(x)\n", 2),
    ("loguru", "src/b.py", "import logging\n\nlogging.warning('x')\n", 3),
    ("pydantic", "src/b.py", "import os\nSETTINGS = {'lr': 0.1}\n", 2),
    ("pydantic", "src/b.py", "TRAIN_CONFIG = dict(lr=0.1)\n", 1),
    ("pydantic", "src/b.py", DATACLASS, 5),
    ("pydantic", "src/b.py", "class Settings:\n    lr = 0.1\n", 1),
    ("pydantic", "src/b.py", "import os\n\nLR = float(os.environ.get('LR', 0.1))\n", 3),
    ("pydantic", "src/b.py", "import os\n\nLR = float(os.environ['LR'])\n", 3),
    ("pydantic", "src/b.py", "from os import environ\n\nLR = float(environ['LR'])\n", 3),
    ("pydantic", "src/b.py", "parser.add_argument('--limit', type=float, default=0.1)\n", 1),
    ("pydantic", "src/b.py", "parser.add_argument('--batch-size', type=int, required=True)\n", 1),
    ("pydantic", "src/b.py", "@click.option('--optimizer')\ndef main(): ...\n", 1),
    ("pydantic", "src/b.py", "def main():\n    run({'lr': 0.1, 'hidden_sizes': [10, 10]})\n", 2),
    ("pydantic", "src/b.py", "args = SimpleNamespace(lr=0.1, epochs=3)\n", 1),
    ("pydantic", "src/b.py", DATACLASS.replace("TrainConfig", "Run") + " = 1\n    epochs: int = 3\n", 5),
    ("pydantic", "src/b.py", "class Config:\n    def __init__(self, lr=0.1):\n        self.lr = lr\n", 1),
    ("pydantic", "src/b.py", "import yaml\n\nconfig = yaml.safe_load('')\nlr = config['lr']\n", 4),
    ("pydantic", "src/b.py", "def build(self):\n    return self.cfg.get('dropout', 0.0)\n", 2),
    ("pyproject", "requirements.txt", "torch\n", 1),
    ("pyproject", "requirements/dev.txt", "torch\n", 1),
    ("pyproject", "setup.py", "setup(install_requires=['torch'])\n", 1),
    ("pyproject", "src/b.py", "import area\nimport nowhere.deep\n", 2),
    ("pyproject", "pyproject.toml", "[tool.hyperplane]\nstage = 'concept'\n", 1),
    ("cookiecutter", "pyproject.toml", PYPROJECT.replace("template_version", "other"), 6),
    ("linting", "src/b.py", "x = 1\nimport os\n", 2),
    ("linting", "src/b.py", "a = 1\nb = 2\nc = 3\nd = 4\nx  =  1\n", 5),
    ("linting", "src/b.py", "a = 1\ndef (:\n", 2),
    ("makefiles", "Makefile", ".PHONY: test\nCHECKS := lint test\ntests:\n\tpytest\n", 1),
    ("makefiles", "Makefile", "test := pytest\nall:\n\t$(test)\n", 1),
    ("encapsulation", "src/b.py", "import area\n\narea._hidden\n", 3),
    ("encapsulation", "src/b.py", "from area import _hidden\n", 1),
    ("open_closed", "src/b.py", CHAIN, 1),
    (
        "open_closed",
        "src/b.py",
        (BRANCHES + "elif model in ('a', 'b'):\n    f(3)\n").replace("model", "config['data']"),
        1,
    ),
    (
        "open_closed",
        "src/b.py",
        "match args.optimizer.lower():\n    case 'sgd': f()\n    case 'adam' | 'adamw': g()\n    case 'muon': h()\n",
        1,
    ),
    ("open_closed", "src/b.py", CHAIN.replace("elif", "if"), 1),
    ("open_closed", "src/b.py", CHAIN.replace("model == 'mlp'", "'mlp' in model"), 1),
    ("open_closed", "src/b.py", CHAIN.replace("model ==", "config.get('data') =="), 1),
    ("open_closed", "src/b.py", CHAIN.replace("model ==", "name ==").replace("f(", "x = models.F("), 1),
    ("single_responsibility", "src/b.py", "def f(a):\n" + RETURNS, 1),
    ("abstract_classes", "src/b.py", PAIR.format("", ""), 6),
    ("abstract_classes", "src/b.py", PAIR.format("(nn.Module)", "(nn.Module)"), 6),
    ("abstract_classes", "src/b.py", PAIR.format("(L.LightningDataModule)", "(L.LightningDataModule)"), 6),
    ("abstract_classes", "src/b.py", "class A:\n    def load(self):\n        raise NotImplementedError\n", 1),
]
# topic and a file that is well, however near it comes
WELL = [
    ("loguru", "src/b.py", "from loguru import logger\n\nlogger.info('x')\n"),
    ("pydantic", "src/b.py", "from pydantic import BaseModel\n\n\nclass Settings(BaseModel):\n    lr: float = 0.1\n"),
    ("pydantic", "src/b.py", "import os\n\nJOB = int(os.environ['SLURM_JOB_ID'])\nHOME = os.environ['HOME']\n"),
    ("pydantic", "src/b.py", "parser.add_argument('--limit', type=int)\nCOLOURS = {'a': 1}\n"),
    ("pydantic", "src/b.py", "groups = [{'params': p, 'lr': 0.1, 'weight_decay': 0.0}]\n"),
    ("pydantic", "src/b.py", "def record(lr, model):\n    return {'lr': lr, 'optimizer': model, 'epochs': 3}\n"),
    ("pydantic", "src/b.py", DATACLASS.replace("TrainConfig", "Run")),
    ("pydantic", "src/b.py", DATACLASS.replace("dataclasses", "pydantic.dataclasses")),
    ("pydantic", "src/b.py", "def use(config):\n    return config.lr * config['name']\n"),
    ("pyproject", "setup.py", "setup(ext_modules=[])\n"),
    ("pyproject", "src/b.py", "import json\nfrom . import area\nimport area\nfrom pydantic import BaseModel\n"),
    ("cookiecutter", ".cruft.json", "{}"),
    ("makefiles", "Makefile", "lint test: setup\n\tpytest\n"),
    ("encapsulation", "src/b.py", "class A:\n    def f(self):\n        return self._hidden\n"),
    ("open_closed", "src/b.py", BRANCHES),
    ("open_closed", "src/b.py", CHAIN.replace("model", "box.get()").replace("elif", "elif name.startswith() or")),
    ("open_closed", "src/b.py", CHAIN.replace("elif model ==", "elif answer ==")),
    ("open_closed", "src/b.py", CHAIN.replace("model == ", "isinstance(model, ").replace("':", "'):")),
    ("open_closed", "src/b.py", "match value:\n    case int(): F()\n    case str(): G()\n    case list(): H()\n"),
    ("open_closed", "src/b.py", BRANCHES.replace("model", "answer") + "elif answer == 'no':\n    f(3)\n"),
    ("single_responsibility", "src/b.py", "def f(a):\n    return [i for i in a if i]\n"),
    ("abstract_classes", "src/b.py", PAIR.format("(Base)", "(Base)")),
    ("abstract_classes", "src/b.py", f"class C:\n{METHODS}class D(C): ...\n\n\n" + PAIR.format("(C)", "(D)")),
    ("abstract_classes", "src/b.py", PAIR.format("(nn.Module)", "(nn.Module)").replace("fit", "forward")),
    ("abstract_classes", "src/b.py", PAIR.format("(Dataset)", "(Dataset)").replace("fit", "setup")),
    ("abstract_classes", "src/b.py", "class A(ABC):\n    def load(self):\n        raise NotImplementedError\n"),
    ("abstract_classes", "src/b.py", PAIR.format("(Protocol)", "") + PAIR.format("", "").replace("A", "C")),
]


@pytest.mark.parametrize("topic", sorted({topic.name for topic in TOPICS} - {"git", "type_hints", "tests"}))
def test_a_project_where_all_is_well_meets_each_topic(tiny, topic):
    assert answer(tiny(), topic).met


@pytest.mark.parametrize(("topic", "path", "text", "line"), SPOILED, ids=[f"{row[0]}-{row[1]}" for row in SPOILED])
def test_what_is_not_well_is_found_with_its_file_and_line(tiny, topic, path, text, line):
    found = answer(tiny({path: text}), topic).findings
    assert (path, line) in {finding[:2] for finding in found}


@pytest.mark.parametrize(("topic", "path", "text"), WELL, ids=[f"{row[0]}-{row[1]}" for row in WELL])
def test_what_only_looks_alike_is_not_found(tiny, topic, path, text):
    assert answer(tiny({path: text}), topic).findings == []


def test_a_missing_makefile_is_found(tiny):
    project = tiny()
    (project.root / "Makefile").unlink()
    assert answer(project, "makefiles").findings == [Finding("Makefile", 1, "there is no Makefile")]


def test_a_library_with_its_own_list_of_names_is_what_pyproject_calls_it(tiny):
    project = tiny({"src/b.py": "import yaml\nimport sklearn\n"})
    assert len(answer(project, "pyproject").findings) == 2
    declared = PYPROJECT.replace('"pydantic>=2"', '"PyYAML>=6", "scikit_learn[extra]; python_version > \'3\'"')
    assert answer(tiny({"pyproject.toml": declared}), "pyproject").met


def test_what_pyproject_ignores_is_ignored(tiny):
    print_allowed = PYPROJECT.replace("select = [", 'ignore = ["T201"]\nselect = [')
    assert answer(tiny({"src/b.py": "print(1)\n", "pyproject.toml": print_allowed}), "loguru").met


def test_git_wants_a_commit_with_the_code_and_without_results(tiny):
    project = tiny()
    assert [finding.path for finding in answer(project, "git").findings] == ["pyproject.toml"]
    git(project, "init", "-q")
    assert "no commit yet" in answer(project, "git").findings[0].message
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "x")
    assert answer(project, "git").met
    (project.root / "src" / "new.py").write_text("")
    results = {"last.ckpt", ".env", ".env.local", "runs/2026/summary.json"}
    for name in [*results, ".env.example"]:
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text("")
        git(project, "add", name)
    assert {finding.path for finding in answer(project, "git").findings} == {"src/new.py", *results}


def test_code_that_git_ignores_is_found(tiny):
    project = tiny({".gitignore": "data/\n", "src/data/moons.py": "", "data/table.csv": ""})
    git(project, "init", "-q")
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "x")
    assert [finding.path for finding in answer(project, "git").findings] == ["src/data/moons.py"]


def test_a_line_may_say_that_a_check_is_wrong_about_it(tiny):
    allowed = CHAIN.replace(":\n", ":  # codestyle: allow open_closed\n", 1)
    assert answer(tiny({"src/b.py": allowed}), "open_closed").met
    assert not answer(tiny({"src/b.py": allowed.replace("allow open_closed", "allow pydantic")}), "open_closed").met


def test_types_are_checked_by_mypy_and_annotations_by_ruff(tiny):
    project = tiny({"src/b.py": "def f(x: int):\n    return x\n", "src/c.py": "x: int = 'a'\n"})
    found = answer(project, "type_hints").findings
    assert [finding[:2] for finding in found] == [("src/b.py", 1), ("src/c.py", 1)]
    (project.root / "src/b.py").unlink()
    (project.root / "src/c.py").unlink()
    assert answer(Codebase(project.root), "type_hints").met


def test_mypy_is_strict_from_the_stage_product_on(tiny):
    project = tiny({"pyproject.toml": PYPROJECT.replace("strict = true", "strict = false")})
    assert answer(project, "type_hints", "proof-of-concept").met
    line = PYPROJECT.splitlines().index("[tool.mypy]") + 1
    assert answer(project, "type_hints").findings == [Finding("pyproject.toml", line, "mypy needs strict = true")]


def test_tests_must_pass_and_run_the_code(tiny):
    project = tiny(
        {
            "pyproject.toml": MEASURED,
            "tests/test_b.py": "def test_b():\n    assert 1 == 2\n",
            "src/b.py": "x = 1\n" * 30,
        }
    )
    found = answer(project, "tests").findings
    assert found[0] == Finding("tests/test_b.py", 1, "test_b fails")
    line = PYPROJECT.count("\n") + 1
    assert found[1:3] == [
        Finding("src/b.py", 1, "no test runs anything of this file"),
        Finding("pyproject.toml", line, "tests run 6 % of the lines under src/, where 80 % are needed"),
    ]
    assert found[3][:2] == ("src/b.py", 1) and found[3].message.startswith("30 lines that no test runs")
    (project.root / "tests/test_b.py").write_text("def test_c():\n    assert True\n")  # what failed is gone
    (project.root / "src/b.py").unlink()
    now = answer(project, "tests")
    assert now.met and now.checked.endswith("it is 100 %")
    # The result is newer than all code: the tests are not run again.
    (project.root / ".pytest_cache").rename(project.root / "moved")
    assert answer(project, "tests").met and not (project.root / ".pytest_cache").exists()
    for test in ("area", "b"):
        (project.root / f"tests/test_{test}.py").unlink()
    assert answer(project, "tests").findings == [Finding("pyproject.toml", line + 2, "there is no test")]


LARGE = "".join(f"def f{i}(x):\n    return x + {i}\n\n\n" for i in range(200))
ALL_OF_IT = """\
import hyperplane
import large
import pytest


@pytest.mark.parametrize("i", range(200))
def test_large(i):
    assert getattr(large, f"f{i}")(1) == i + 1
"""
MODEL = "class Model:\n    width = 3\n\n    def forward(self, x):\n        return self.width * x\n"


def test_files_that_no_test_runs_are_found_beside_much_that_is_tested(tiny):
    files = {"pyproject.toml": MEASURED, "src/large.py": LARGE, "tests/test_large.py": ALL_OF_IT}
    files |= {"vendor/hyperplane/__init__.py": "x = 1\n" * 500, "tests/test_mine.py": "import models.imported\n"}
    files |= {"src/models/constants.py": "SIZES = (1, 2)\n"}
    files |= {f"src/models/{name}.py": MODEL for name in ("imported", "never")}
    result = answer(tiny(files), "tests")
    lines = {"constants": 1, "imported": 5, "never": 5}
    missing = "no test runs anything of this file"
    assert result.findings == [Finding(f"src/models/{name}.py", line, missing) for name, line in lines.items()]
    percent = int(result.checked.rpartition("it is ")[2].rstrip(" %"))
    assert percent >= 98, "as a whole the code is tested"
    runs = "assert constants.SIZES == (1, 2)\n    assert imported.Model().forward(1) == never.Model().forward(1) == 3\n"
    files["tests/test_mine.py"] = f"from models import constants, imported, never\n\n\ndef test_mine():\n    {runs}"
    assert answer(tiny(files), "tests").met


def test_a_result_of_a_few_tests_is_not_taken_for_the_whole(tiny):
    few = {"tests/test_b.py": "def test_b():\n    import b\n    assert b.x == 1\n", "src/b.py": "x = 1\n" * 30}
    project = tiny({**few, "pyproject.toml": MEASURED})
    project.python("pytest", "--cov", "tests/test_area.py")
    assert (project.root / ".coverage").exists()
    assert answer(project, "tests").checked.endswith("it is 100 %")


def test_a_pytest_that_fails_without_a_failing_test_is_no_success(tiny):
    sessions = {"tests/conftest.py": "def pytest_sessionfinish(session):\n    session.exitstatus = 3\n"}
    found = answer(tiny({**sessions, "pyproject.toml": MEASURED}), "tests")
    assert not found.met and found.obstacle.startswith("pytest failed: ")


@pytest.mark.parametrize("topic", ["pathlib", "linting", "type_hints", "tests"])
def test_a_tool_that_is_not_installed_is_named_and_its_topic_not_met(tiny, monkeypatch, topic):
    monkeypatch.setattr(Codebase, "python", lambda project, module, *arguments: None)
    found = answer(tiny(), topic)
    assert not found.met and "not installed" in found.obstacle
