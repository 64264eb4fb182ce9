"""What takes long runs beside the other tests, and begins before them: these fixtures start it."""

import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ANY_TWO, OWN_TESTS_IN, TEMPLATE, Bake, layers, package_of, python
from warm import PATIENCE

Pending = Future[subprocess.CompletedProcess[str]]


class Tested(NamedTuple):
    """A project whose own tests run."""

    project: Path
    done: Pending


OwnTests = dict[str, Tested]

# In this one of OWN_TESTS_IN they run by `codestyle`, beside a model of one's own that none of them tests.
UNTESTED_IN = "mps"
UNTESTED = '''\
"""A model of one's own."""

from torch import Tensor, nn


class Mine(nn.Module):
    """A linear map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.map = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(x)
'''

# These run beside the others, three at a time: they fill the time in which those wait for a cluster, a kill or a clock,
# and yield to them otherwise. None leaves files in a project that another one uses. First what tests of the code style
# wait for, so that they have work while the rest goes on; then the longest; last what two processes share evenly, so
# that none is left alone at the end.
IN_BACKGROUND = ("types", "own_tests", "labs", "engine_tests", "deletions", "research")
WHOLE = 4 * PATIENCE  # seconds for all the tests: what takes longer hangs
NICELY = "import os, sys; os.nice(10); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


@pytest.fixture(scope="session")
def background(clean_environment: dict[str, str]) -> Iterator[Callable[..., Pending]]:
    """`background(folder, *arguments)` starts this interpreter in a folder, as soon as fewer than three are running."""
    with ThreadPoolExecutor(max_workers=3) as pool:

        def start(folder: Path, *arguments: str, check: bool = True, **variables: str) -> Pending:
            words = ("-c", NICELY, *arguments)  # which yield, and may take as long as the others need
            environment = clean_environment | variables
            return pool.submit(python, folder, *words, check=check, env=environment, timeout=WHOLE)

        yield start
        pool.shutdown(cancel_futures=True)  # of a session that was stopped


@pytest.fixture(scope="session")
def one_cache(clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One cache of mypy for all: the sources are the same, and torch takes it half a minute."""
    return clean_environment | {"MYPY_CACHE_DIR": str(tmp_path_factory.mktemp("mypy"))}


@pytest.fixture(scope="session")
def types(bake: Bake, background: Callable[..., Pending], one_cache: dict[str, str]) -> Pending:
    """mypy on the projects of ANY_TWO that differ for it, and on the engine."""
    # src/ and vendor/ are copied as they stand, so few of the projects do.
    different: dict[str, str] = {}
    for answers in ANY_TWO:
        project = bake(**answers)
        sources = [(path.relative_to(project), path.read_bytes()) for path in sorted(project.glob("src/**/*.py"))]
        settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
        different.setdefault(repr((sources, settings)), str(project))
    variables = {"MYPY_CACHE_DIR": one_cache["MYPY_CACHE_DIR"]}
    return background(TEMPLATE, "tests/types_of.py", *different.values(), check=False, **variables)


@pytest.fixture(scope="session")
def engine_tests(background: Callable[..., Pending], tmp_path_factory: pytest.TempPathFactory) -> list[Pending]:
    """The tests of the engine in two processes that share their files; each bakes a project of its own."""
    claims = tmp_path_factory.mktemp("engine-claims")
    # Not -q: it says how many tests there are, and which file hangs.
    command = ("-m", "pytest", "-p", "no:cacheprovider", "tests/engine")
    return [background(TEMPLATE, *command, CLAIMS=str(claims)) for _ in range(2)]


@pytest.fixture(scope="session")
def own_tests(bake: Bake, background: Callable[..., Pending], tmp_path_factory: pytest.TempPathFactory) -> OwnTests:
    """The own tests of each project of OWN_TESTS_IN, by its name; at the last stage by `codestyle`, see UNTESTED."""
    found = {}
    for name, answers in OWN_TESTS_IN.items():
        project, command = bake(**answers), ["pytest", "-q"]
        if name == "default":
            command.append("--cov")  # once over all examples, for the tests of the code style
        if name == UNTESTED_IN:
            project = Path(shutil.copytree(project, tmp_path_factory.mktemp("untested") / "project"))
            (project / "src" / package_of(project) / "models" / "mine.py").write_text(UNTESTED, encoding="utf-8")
            command = [package_of(project), "codestyle", "--topic", "tests", "--json"]
        # Absolute, since tests may start commands in other folders.
        paths = {"PYTHONPATH": layers(project)}
        found[name] = Tested(project, background(project, "-m", *command, check=name != UNTESTED_IN, **paths))
    return found


@pytest.fixture(scope="session")
def research(
    request: pytest.FixtureRequest,
    bake: Bake,
    background: Callable[..., Pending],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Pending]:
    """The research jobs that are tested, in two processes that share them; each has a project for their files."""
    names = parameters_of(request, "test_research.py")
    claims = tmp_path_factory.mktemp("research-claims")
    projects = [bake(project_name=f"Research Jobs {letter}") for letter in "AB"]
    command = ("tests/research_jobs.py", *names, "--claims", str(claims), "--project")
    return [background(TEMPLATE, *command, str(project)) for project in projects]


@pytest.fixture(scope="session")
def labs(request: pytest.FixtureRequest, bake: Bake, background: Callable[..., Pending]) -> Pending:
    """The labs that are tested, one after the other, and the solutions of all exercises."""
    project = bake(project_name="The Labs", labs="yes")
    names = parameters_of(request, "test_labs.py")
    return background(project, "labs/check.py", *names, check=False, PYTHONPATH=layers(project))


@pytest.fixture(scope="session")
def deletions(request: pytest.FixtureRequest, bake: Bake, background: Callable[..., Pending]) -> dict[str, Pending]:
    """What deletions.py says of a project with each of the examples that are tested."""
    found = {}
    for examples in parameters_of(request, "test_deleting.py"):
        project = bake(project_name="Deleted Parts", examples=examples)
        script = ("tests/deletions.py", str(project))
        found[examples] = background(TEMPLATE, *script, check=False, PYTHONPATH=str(project / "vendor"))
    return found


def parameters_of(request: pytest.FixtureRequest, file: str) -> list[str]:
    """Return the parameters of the tests in a file that were chosen."""
    chosen = (item for item in request.session.items if item.path.name == file and isinstance(item, pytest.Function))
    return [str(next(iter(item.callspec.params.values()))) for item in chosen if hasattr(item, "callspec")]


def waits(item: pytest.Item) -> bool:
    """Say whether a test only waits for others."""
    return isinstance(item, pytest.Function) and not {*IN_BACKGROUND}.isdisjoint(item.fixturenames)


@pytest.fixture(scope="session", autouse=True)
def background_begins_first(request: pytest.FixtureRequest) -> None:
    """Start what takes longest before the first test, if any test asks for it."""
    for name in IN_BACKGROUND:
        if any(isinstance(item, pytest.Function) and name in item.fixturenames for item in request.session.items):
            request.getfixturevalue(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that only wait for those in the background come last."""
    items.sort(key=waits)
