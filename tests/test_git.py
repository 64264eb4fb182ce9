"""The first commit is made whatever git's settings are, and its absence is said."""

from pathlib import Path

import pytest
from checks import assert_committed, git
from conftest import TEMPLATE, bake_into


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user for whom git was never set up."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    return home


def author(project: Path) -> str:
    return git(project, "log", "-1", "--format=%an <%ae>").strip()


def test_the_next_three_commands_are_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bake_into(TEMPLATE, tmp_path / "out", project_slug="study")
    printed = capfd.readouterr().out
    assert printed == "\nYour project is ready. Next:\n\n  cd study\n  make setup\n  make train\n\n"


def test_without_git_the_project_is_made_and_git_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    project = bake_into(TEMPLATE, tmp_path / "out")
    assert (project / "pyproject.toml").is_file()
    assert not (project / ".git").exists()
    assert "git was not found" in capfd.readouterr().err


def test_without_an_identity_the_author_of_the_project_commits(tmp_path: Path, empty_home: Path) -> None:
    project = bake_into(TEMPLATE, tmp_path / "out", author_name="Zoë O'Brien", author_email="zoe@example.org")
    assert author(project) == "Zoë O'Brien <zoe@example.org>"
    assert_committed(project)


def test_the_users_own_identity_is_used(tmp_path: Path, empty_home: Path) -> None:
    (empty_home / ".gitconfig").write_text("[user]\nname = Kim\nemail = kim@example.org\n")
    assert author(bake_into(TEMPLATE, tmp_path / "out")) == "Kim <kim@example.org>"


def test_global_hooks_and_signing_do_not_block_the_first_commit(tmp_path: Path, empty_home: Path) -> None:
    hook = empty_home / "hooks" / "prepare-commit-msg"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (empty_home / ".gitconfig").write_text(
        f"[commit]\ngpgsign = true\n[core]\nhooksPath = {hook.parent}\n[init]\ndefaultBranch = trunk\n"
    )
    assert_committed(bake_into(TEMPLATE, tmp_path / "out"))


def test_a_project_inside_another_repository_gets_its_own(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet")
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", str(outer / ".git"))
        project = bake_into(TEMPLATE, outer)
    assert_committed(project)
    assert git(outer, "status", "--porcelain").split() == ["??", f"{project.name}/"]
