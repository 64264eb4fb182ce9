"""Finish a new project: keep the files that were chosen, commit them, say what to do next."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# In the order in which they were asked, as .cruft.json holds them.
ANSWERS = dict(json.loads(r"""{{ cookiecutter.items() | list | tojson }}"""))
BY_CRUFT = "_commit" in ANSWERS
# Left in a working copy of the template by whoever develops it.
CACHES = ("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")
CI_FILES = {"github": Path(".github"), "gitlab": Path(".gitlab-ci.yml")}
# What `examples=minimal` leaves out: modules of the package, each with its test and the configurations that name it.
LECTURE = """
    data/curves data/demand data/karate data/mnist1d data/planar losses/forecasting losses/hinge losses/multilabel
    models/cnn models/gpt models/graph_convolution models/kernel_svm models/ltsf_linear models/n_beats models/resnet
    models/rnn models/rocket models/scikit models/smo models/svm models/tft models/transformer
    optimizers/muon tasks/forecasting tasks/multilabel tasks/next_token
"""
# And what names none of them.
LECTURE_FILES = """
    src/*/configs/experiment/mnist1d_table.yaml src/*/configs/optimizer/rmsprop.yaml references/mnist1d_published.csv
    src/*/configs/scheduler/cosine_restarts.yaml src/*/configs/scheduler/exponential.yaml
"""
# Set while git runs a hook; they would send our commands to that repository.
OUTER_GIT = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}


def keep_the_chosen() -> None:
    """Leave one licence and the files of one CI service, and no cache of any tool."""
    shutil.move(Path("licenses", f"{ANSWERS['license']}.txt"), "LICENSE")
    shutil.rmtree("licenses")
    for service, path in CI_FILES.items():
        if service != ANSWERS["ci"]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for cache in CACHES:
        for path in list(Path().rglob(cache)):
            shutil.rmtree(path)


def leave_out_the_lecture() -> None:
    """Keep a linear model and an MLP on tables, with what they need."""
    package = Path("src", ANSWERS["package_name"])
    gone = [path for pattern in LECTURE_FILES.split() for path in Path().glob(pattern)]
    for name in LECTURE.split():
        folder, _, module = name.partition("/")
        target = f"_target_: {package.name}.{folder}.{module}."
        named = [path for path in package.glob("configs/*/*.yaml") if target in path.read_text(encoding="utf-8")]
        gone += [package / f"{name}.py", *named, *Path("tests", folder).glob(f"test_{module}.py")]
    for path in gone:
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def leave_out_the_labs() -> None:
    """Keep neither the labs nor the page that maps the lecture to them."""
    shutil.rmtree("labs")
    Path("references", "lecture.md").unlink()


def write_digest() -> None:
    """Note what the engine is as it is delivered, so that the project can say when somebody edited it."""
    vendor = Path("vendor")
    runpy.run_path(str(vendor / "hyperplane" / "digest.py"))["write"](vendor, ANSWERS["_version"])


def made_to_be_compared() -> bool:
    """Say whether `cruft update` or `cruft diff` makes this project, only to compare it with another."""
    # Each is made in a folder of its own, which Python names. A repository or a message would show up there.
    folder = Path.cwd().parent
    temporary = folder.parent.samefile(tempfile.gettempdir())
    return BY_CRUFT and temporary and re.fullmatch(r"tmp[a-z0-9_]{8}", folder.name) is not None


def remember_the_template() -> None:
    """Write .cruft.json as cruft itself does after this hook, so that the first commit holds it."""
    state = {
        "template": ANSWERS["_template"],
        "commit": ANSWERS["_commit"],
        "checkout": None,
        "context": {"cookiecutter": ANSWERS},
        "directory": None,
    }
    text = json.dumps(state, ensure_ascii=False, indent=2, separators=(",", ": "))
    Path(".cruft.json").write_text(text + "\n", encoding="utf-8")


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the new project, whatever repository or hook this process was started from."""
    environment = {key: value for key, value in os.environ.items() if key not in OUTER_GIT}
    # A user's global hooks and signing key belong to later commits: here they could only block.
    settings = ["core.hooksPath=.git/no-hooks", "commit.gpgsign=false", "core.safecrlf=false"]
    options = [option for setting in settings for option in ("-c", setting)]
    return subprocess.run(
        ["git", *options, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def first_commit() -> str | None:
    """Make a repository with branch main and one commit; return why not, or None."""
    if shutil.which("git") is None:
        return "git was not found, so the project is not under version control yet"
    # Not `init --initial-branch`, which git before 2.28 does not know.
    steps = [["init", "--quiet", "--template="], ["symbolic-ref", "HEAD", "refs/heads/main"]]
    # What git takes for a large file goes into one pack: hundreds of files of their own take it longer than all else.
    steps.append(["-c", "core.bigFileThreshold=1", "add", "--all"])
    identity: list[str] = []
    for key, answer in (("user.name", "author_name"), ("user.email", "author_email")):
        if git("config", key).returncode != 0:
            identity += ["-c", f"{key}={ANSWERS[answer]}"]
    message = f"Start from Hyperplane {ANSWERS['_version']}"
    steps.append([*identity, "commit", "--quiet", "--no-verify", "--message", message])
    for step in steps:
        done = git(*step)
        if done.returncode != 0:
            reason = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
            return f"git could not make the first commit ({reason})"
    return None


if __name__ == "__main__":
    keep_the_chosen()
    if ANSWERS["examples"] == "minimal":
        leave_out_the_lecture()
    if ANSWERS["labs"] == "no":
        leave_out_the_labs()
    write_digest()
    if made_to_be_compared():
        sys.exit()
    if BY_CRUFT:
        remember_the_template()
    problem = first_commit()
    if problem:
        sys.stderr.write(f"Note: {problem}. Later: git init && git add . && git commit\n")
    # Without comments: zsh would hand them to make.
    following = [f"cd {ANSWERS['project_slug']}", "make setup", "make train"]
    if ANSWERS["labs"] == "yes":
        following.append("make labs")
    sys.stdout.write("\n  ".join(["\nYour project is ready. Next:\n", *following]) + "\n\n")
