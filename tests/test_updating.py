"""A project follows its template: cruft brings what is new and keeps what is one's own; a replay repeats a project."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import assert_committed, git
from conftest import TEMPLATE
from warm import PATIENCE

Done = subprocess.CompletedProcess[str]
Outcome = tuple[Path, Done]

PROJECT = Path("{{cookiecutter.project_slug}}")
PACKAGE = Path("{{cookiecutter.package_name}}")
ANSWERS = {"project_name": 'The "best" Größe', "package_name": "best", "author_name": "Zoë \\ Kim", "stage": "product"}
LOSSES = "src/best/losses/regression.py"
ENGINE = PROJECT / "vendor" / "hyperplane"
PUT_BACK = "git restore --source=$(git log -1 --format=%h -- vendor/hyperplane/DIGEST) --staged --worktree vendor"
README_SENTENCE = "A setting that does not exist or is out of range is refused before training starts"


def command(folder: Path, *words: str) -> Done:
    """Run cruft or cookiecutter as a user does."""
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def change(path: Path, old: str, new: str) -> None:
    """Replace the one place where `old` stands."""
    assert read(path).count(old) == 1
    path.write_text(read(path).replace(old, new), encoding="utf-8")


def add_a_line(path: Path, line: str) -> None:
    path.write_text(read(path) + line + "\n", encoding="utf-8")


def commit(repository: Path, message: str) -> str:
    """Commit everything; return the commit."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--no-verify", "--message", message)
    return git(repository, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module", autouse=True)
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A user with a name and an empty home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Kim")
            patch.setenv(f"GIT_{role}_EMAIL", "kim@example.org")
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with this template as its first commit."""
    template = tmp_path_factory.mktemp("template")
    for name in ("hooks", PROJECT):
        shutil.copytree(TEMPLATE / name, template / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    shutil.copy(TEMPLATE / "cookiecutter.json", template)
    git(template, "init", "--quiet")
    commit(template, "one")
    git(template, "checkout", "--quiet", "-b", "engine")
    change_engine(template / ENGINE)
    commit(template, "a new engine")
    git(template, "checkout", "--quiet", "-")
    return template


def change_engine(engine: Path) -> None:
    """Change the engine in every way: a line, a name, a file less, a file more."""
    change(engine / "errors.py", "import difflib\n", "import difflib  # new\n")
    (engine / "secrets.py").rename(engine / "renamed.py")
    (engine / "loop" / "compiling.py").unlink()
    (engine / "new.py").write_text("NEW = 1\n")


@pytest.fixture(scope="module")
def created(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A project fresh from `cruft create`, and what that printed."""
    folder = tmp_path_factory.mktemp("created")
    done = command(folder, "cruft", "create", str(template), "--no-input", "-d", "--extra-context", json.dumps(ANSWERS))
    return folder / "the-best-grosse", done


@pytest.fixture(scope="module")
def unchanged(created: Outcome) -> dict[str, Done]:
    """What cruft says of the project before anything has changed."""
    return {word: command(created[0], "cruft", word) for word in ("check", "diff", "update")}


@pytest.fixture(scope="module")
def second_commit(template: Path, created: Outcome, unchanged: dict[str, Done]) -> str:
    """The next version of the template: changed lines, one of them with an answer, a new file, other CI."""
    change(template / "cookiecutter.json", '"_version": "', '"_version": "9.')
    losses = template / PROJECT / "src" / PACKAGE / "losses/regression.py"
    losses.write_text("# The template says so.\n" + read(losses), encoding="utf-8")
    (template / PROJECT / "NEW.md").write_text("New for {{ cookiecutter.project_name }}.\n", encoding="utf-8")
    add_a_line(template / PROJECT / ".github/workflows/ci.yml", "# one more line")
    change(template / PROJECT / "README.md", README_SENTENCE, README_SENTENCE + " by {{ cookiecutter.project_name }}")
    return commit(template, "two")


@pytest.fixture(scope="module")
def updated(created: Outcome, second_commit: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A project with work of its own, after `cruft update`."""
    project = Path(shutil.copytree(created[0], tmp_path_factory.mktemp("updated") / "project"))
    add_a_line(project / LOSSES, "# I say so.")
    add_a_line(project / "README.md", "My own last line.")
    (project / "mine.py").write_text("MINE = 1\n")
    shutil.rmtree(project / ".github")
    commit(project, "My work")
    assert command(project, "cruft", "check").returncode == 1
    return project, command(project, "cruft", "update", "-y")


@pytest.fixture(scope="module")
def in_conflict(created: Outcome, second_commit: str, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A project that changed the very lines that the template changed, after `cruft update`."""
    project = Path(shutil.copytree(created[0], tmp_path_factory.mktemp("conflict") / "project"))
    first_line = read(project / LOSSES).splitlines()[0]
    change(project / LOSSES, first_line, '"""My own losses.')
    change(project / "README.md", README_SENTENCE, "My own sentence")
    commit(project, "My work")
    return project, command(project, "cruft", "update", "-y")


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the files of a folder hold, by their names, without what Python compiled of them."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def check_engine(project: Path) -> Done:
    """Do what `make lint` does to look whether the engine was edited."""
    return subprocess.run(
        [sys.executable, "-P", "vendor/hyperplane/digest.py"], cwd=project, capture_output=True, text=True
    )


@pytest.fixture
def own_project(created: Outcome, tmp_path: Path) -> Path:
    """A fresh project, for one test."""
    return Path(shutil.copytree(created[0], tmp_path / "project"))


def update_engine(project: Path) -> Done:
    return command(project, "cruft", "update", "-y", "--checkout", "engine")


def test_a_new_engine_never_meets_an_edit_in_src_and_comes_whole(template: Path, own_project: Path) -> None:
    project = own_project
    files = [path for path in (project / "src").rglob("*") if path.is_file()]
    assert len(files) > 80
    for path in files:
        add_a_line(path, "# mine")
    commit(project, "My work")
    mine = contents(project / "src")

    done = update_engine(project)

    assert (done.returncode, done.stderr) == (0, "")
    assert contents(project / "src") == mine and all(text.endswith(b"# mine\n") for text in mine.values())
    engine = contents(project / "vendor")
    changed = {line[3:] for line in git(project, "status", "--porcelain", "--no-renames").splitlines()}
    names = {"DIGEST", "errors.py", "loop/compiling.py", "new.py", "renamed.py", "secrets.py"}
    assert changed == {".cruft.json", *(f"vendor/hyperplane/{name}" for name in names)}
    del engine["hyperplane/DIGEST"]
    git(template, "checkout", "--quiet", "engine")
    delivered = contents(template / PROJECT / "vendor")
    git(template, "checkout", "--quiet", "-")
    assert engine == delivered and "hyperplane/renamed.py" in engine
    assert (check_engine(project).returncode, check_engine(project).stderr) == (0, "")


def test_an_edited_engine_is_named_and_nothing_is_updated_until_it_is_put_back(own_project: Path) -> None:
    project, engine = own_project, own_project / "vendor" / "hyperplane"
    delivered = contents(engine)
    add_a_line(engine / "logs.py", "# mine")
    add_a_line(engine / "loop" / "compiling.py", "# mine")
    (engine / "explaining.py").unlink()
    (engine / "own.py").write_text("OWN = 1\n")
    commit(project, "My engine")
    before = contents(project / "vendor")
    edited = ["explaining.py", "logs.py", "loop/compiling.py", "own.py"]
    sentence = "The engine was edited by hand: " + ", ".join(f"vendor/hyperplane/{name}" for name in edited)
    assert check_engine(project).returncode == 1 and check_engine(project).stderr.splitlines()[0] == sentence

    done = update_engine(project)

    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[:2] == [
        "Nothing was updated, since an update replaces the engine as a whole.",
        sentence,
    ]
    assert PUT_BACK in done.stderr
    assert contents(project / "vendor") == before and git(project, "status", "--porcelain") == ""

    subprocess.run(PUT_BACK, shell=True, cwd=project, check=True)
    assert contents(engine) == delivered
    commit(project, "The engine as it came")
    assert update_engine(project).returncode == 0
    assert check_engine(project).returncode == 0 and (engine / "new.py").is_file()


def test_an_engine_that_was_made_ones_own_is_merged_like_src(own_project: Path) -> None:
    project, engine = own_project, own_project / "vendor" / "hyperplane"
    change(engine / "errors.py", "import difflib\n", "import difflib  # mine\n")
    add_a_line(engine / "logs.py", "# mine")
    git(project, "rm", "--quiet", "vendor/hyperplane/DIGEST")
    commit(project, "My engine")
    assert check_engine(project).returncode == 0

    done = update_engine(project)

    assert "Applied patch to 'vendor/hyperplane/errors.py' with conflicts." in done.stderr
    assert {"import difflib  # mine", "import difflib  # new"} <= set(read(engine / "errors.py").splitlines())
    assert read(engine / "logs.py").endswith("# mine\n") and not (engine / "DIGEST").exists()


def test_cruft_create_makes_one_clean_commit_that_knows_its_template(
    template: Path, created: Outcome, unchanged: dict[str, Done]
) -> None:
    project, done = created
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Your project is ready") == 1
    assert_committed(project)
    state = json.loads(git(project, "show", "HEAD:.cruft.json"))
    assert state["template"] == str(template)
    assert state["context"]["cookiecutter"].items() >= ANSWERS.items()


def test_an_unchanged_project_is_up_to_date_and_differs_in_nothing(unchanged: dict[str, Done]) -> None:
    assert "up to date" in unchanged["check"].stdout
    assert unchanged["diff"].stdout == ""
    assert "already up to date" in unchanged["update"].stdout
    assert {(done.returncode, done.stderr) for done in unchanged.values()} == {(0, "")}


def test_an_update_brings_what_is_new_in_the_template(updated: Outcome) -> None:
    project, done = updated
    assert (done.returncode, done.stderr) == (0, "")
    assert read(project / LOSSES).startswith("# The template says so.\n")
    assert read(project / "NEW.md") == 'New for The "best" Größe.\n'
    assert f'{README_SENTENCE} by The "best" Größe' in read(project / "README.md")


def test_an_update_keeps_what_is_ones_own(updated: Outcome) -> None:
    project, _ = updated
    assert read(project / LOSSES).endswith("\n# I say so.\n")
    assert read(project / "README.md").endswith("\nMy own last line.\n")
    assert read(project / "mine.py") == "MINE = 1\n"


def test_a_file_that_was_deleted_or_never_chosen_stays_away(updated: Outcome) -> None:
    project, _ = updated
    assert not (project / ".github").exists()
    assert not (project / ".gitlab-ci.yml").exists()
    assert not (project / "licenses").exists()


def test_an_update_is_a_change_to_look_at_and_nothing_more(updated: Outcome) -> None:
    project, done = updated
    changed = {line[3:] for line in git(project, "status", "--porcelain").splitlines()}
    assert changed == {".cruft.json", "NEW.md", "README.md", "pyproject.toml", "vendor/hyperplane/DIGEST", LOSSES}
    assert git(project, "rev-list", "--count", "HEAD").strip() == "2"
    assert "Your project is ready" not in done.stdout


def test_an_update_records_the_new_version_and_the_same_answers(updated: Outcome, second_commit: str) -> None:
    project, _ = updated
    written = tomllib.loads(read(project / "pyproject.toml"))
    assert written["tool"]["hyperplane"]["template_version"].startswith("9.")
    assert written["project"]["authors"][0]["name"] == ANSWERS["author_name"]
    state = json.loads(read(project / ".cruft.json"))
    answers = state["context"]["cookiecutter"]
    assert state["commit"] == second_commit
    assert answers["_version"].startswith("9.")
    assert answers["__answers"] == "checked"
    assert answers.items() >= ANSWERS.items()


def test_the_second_update_has_nothing_to_do(updated: Outcome) -> None:
    project, _ = updated
    commit(project, "Update")
    assert "already up to date" in command(project, "cruft", "update", "-y").stdout
    own = command(project, "cruft", "diff").stdout
    assert {line for line in own.splitlines() if line[:2] in ("-#", "-M")} == {"-# I say so.", "-My own last line."}


def test_a_conflict_is_marked_and_loses_neither_side(in_conflict: Outcome) -> None:
    project, done = in_conflict
    assert "Traceback" not in done.stderr
    for name in (LOSSES, "README.md"):
        assert f"Applied patch to '{name}' with conflicts." in done.stderr
    for name, mine, new in (
        (LOSSES, '"""My own losses.', "# The template says so."),
        ("README.md", "My own sentence", f'{README_SENTENCE} by The "best" Größe'),
    ):
        lines = read(project / name).splitlines()
        start, middle, end = (
            next(number for number, line in enumerate(lines) if line.startswith(7 * sign)) for sign in "<=>"
        )
        assert any(line.startswith(mine) for line in lines[start:middle])
        assert any(line.startswith(new) for line in lines[middle:end])
    assert read(project / "NEW.md") == 'New for The "best" Größe.\n'


def test_an_own_file_in_the_place_of_a_new_one_stays_beside_it(
    created: Outcome, second_commit: str, tmp_path: Path
) -> None:
    project = Path(shutil.copytree(created[0], tmp_path / "project"))
    (project / "NEW.md").write_text("Mine.\n")
    commit(project, "My work")
    done = command(project, "cruft", "update", "-y")
    assert "Applied patch to 'NEW.md' with conflicts." in done.stderr
    assert {"Mine.", 'New for The "best" Größe.'} <= set(read(project / "NEW.md").splitlines())
    assert read(project / LOSSES).startswith("# The template says so.\n")


@pytest.mark.parametrize("how", ["--replay", "--replay-file"])
def test_a_replay_makes_the_same_project_again(template: Path, tmp_path: Path, how: str) -> None:
    given = [f"{key}={value}" for key, value in ANSWERS.items()]
    first = command(tmp_path, "cookiecutter", "--no-input", "-o", "first", str(template), *given)
    remembered = Path.home() / ".cookiecutter_replay" / f"{template.name}.json"
    replay = [how] if how == "--replay" else [how, str(remembered)]
    again = command(tmp_path, "cookiecutter", *replay, "-o", "again", str(template))
    assert (first.returncode, again.returncode, again.stderr) == (0, 0, "")
    trees = [git(tmp_path / name / "the-best-grosse", "rev-parse", "HEAD^{tree}") for name in ("first", "again")]
    assert trees[0] == trees[1]


def test_a_replay_file_that_was_changed_by_hand_is_checked(template: Path, tmp_path: Path) -> None:
    answers = {"cookiecutter": {"project_slug": "torch", "package_name": "torch"}}
    questions = json.loads(read(template / "cookiecutter.json"))
    for question, value in questions.items():
        answers["cookiecutter"].setdefault(question, value[0] if isinstance(value, list) else value)
    answers["cookiecutter"] |= {"_extensions": questions["_extensions"]}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    done = command(tmp_path, "cookiecutter", "--replay-file", "answers.json", "-o", "out", str(template))
    assert done.returncode == 1
    assert done.stderr.startswith("The package name 'torch' would hide a package or folder that the project uses")
    assert not (tmp_path / "out" / "torch").exists()
