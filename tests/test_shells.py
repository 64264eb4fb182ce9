"""In bash and in zsh, what the pages say to type runs the commands of the project, and gives them what is written."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake, demanded

# How each shell runs a line without the files of its user, and how it lists its builtins and reserved words.
SHELLS = {
    "bash": (("bash", "--noprofile", "--norc", "-c"), "compgen -b; compgen -k"),
    "zsh": (("zsh", "--no-rcs", "-c"), "zmodload zsh/parameter; print -l ${(k)builtins} ${(k)reswords}"),
}
# The utilities of POSIX.1-2017, volume 3, chapter 4, and the special builtins of its chapter 2.
POSIX = """
    admin alias ar asa at awk basename batch bc bg c99 cal cat cd cflow chgrp chmod chown cksum cmp comm command
    compress cp crontab csplit ctags cut cxref date dd delta df diff dirname du echo ed env ex expand expr false fc fg
    file find fold fort77 fuser gencat get getconf getopts grep hash head iconv id ipcrm ipcs jobs join kill lex link
    ln locale localedef logger logname lp ls m4 mailx make man mesg mkdir mkfifo more mv newgrp nice nl nm nohup od
    paste patch pathchk pax pr printf prs ps pwd qalter qdel qhold qmove qmsg qrerun qrls qselect qsig qstat qsub read
    renice rm rmdel rmdir sact sccs sed sh sleep sort split strings strip stty tabs tail talk tee test time touch tput
    tr true tsort tty type ulimit umask unalias uname uncompress unexpand unget uniq unlink uucp uudecode uuencode
    uustat uux val vi wait wc what who write xargs yacc zcat

    break continue eval exec exit export readonly return set shift times trap unset
"""
# Stands for a command in the environment, and prints where it lies and what it was given.
ECHO = """#!/bin/sh
printf '%s\\n' "$0" "$@"
"""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell that is installed."""
    if shutil.which(request.param) is None:
        demanded(request.param)
    return str(request.param)


def output(shell: str, line: str, folder: Path = TEMPLATE) -> list[str]:
    """Return the lines that a command line prints; fail the test if it does not exit with 0."""
    done = subprocess.run([*SHELLS[shell][0], line], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, f"{line}\n{done.stderr}"
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def commands(bake: Bake) -> set[str]:
    """The commands that a project installs."""
    project = tomllib.loads((bake() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["scripts"])


@pytest.fixture(scope="module")
def environment(commands: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment whose bin/ holds the commands, as an installer puts them there."""
    folder = tmp_path_factory.mktemp("shells") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    for name in commands:
        path = folder / "bin" / name
        path.write_text(ECHO, encoding="utf-8")
        path.chmod(0o755)
    return folder


def typed(page: Path, commands: set[str]) -> list[str]:
    """Return the command lines in the code blocks of a page that start with one of the commands.

    What follows two spaces says what a line does; `<folder>` and the like stand for a word.
    """
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"<[^<>]+>", "word", line) for block in blocks for line in block.splitlines()]
    lines = [re.split(r"  +", line)[0] for line in lines]
    return [line for line in lines if line.partition(" ")[0] in commands]


def test_what_the_pages_say_to_type_runs_the_commands_of_the_environment(
    bake: Bake, commands: set[str], environment: Path, shell: str, tmp_path: Path
) -> None:
    pages = [TEMPLATE / "README.md", bake() / "README.md", *(bake() / "vendor/hyperplane/pages").glob("*.md")]
    lines = [line for page in pages for line in typed(page, commands)]
    assert {line.partition(" ")[0] for line in lines} >= commands - {"codestyle"}, "each is on a page"
    for line in lines:
        name, *words = shlex.split(line)
        activated = f". {shlex.quote(str(environment / 'bin' / 'activate'))}\n{line}"
        assert output(shell, activated, tmp_path) == [str(environment / "bin" / name), *words], line


def test_no_command_is_called_like_a_word_of_a_shell(commands: set[str], shell: str) -> None:
    words = set(output(shell, SHELLS[shell][1]))
    assert words >= {"export", "test", "while"}
    assert not commands & words


def test_no_command_is_called_like_a_utility_of_posix(commands: set[str]) -> None:
    assert not commands & set(POSIX.split())
