"""The workflows of a baked project: actions pinned by hash, least permissions, nothing that zizmor complains about."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from conftest import Bake

ZIZMOR = Path(sys.executable).with_name("zizmor")


def findings(project: Path) -> subprocess.CompletedProcess[str]:
    """Run zizmor's strictest audit; without a network, so that it gives the same answer tomorrow."""
    command = [str(ZIZMOR), "--offline", "--persona", "auditor", "--no-progress", "."]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def test_zizmor_finds_nothing(bake: Bake) -> None:
    done = findings(bake(ci="github"))
    assert done.returncode == 0, done.stdout
    assert "No findings" in done.stdout


def test_every_action_is_pinned_by_the_hash_of_a_commit(bake: Bake) -> None:
    for path in (bake(ci="github") / ".github" / "workflows").glob("*.yml"):
        used = re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))
        assert used
        for action in used:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_zizmor_would_find_a_tag_and_a_kept_token(bake: Bake, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(bake(ci="github") / ".github", project / ".github")
    path = project / ".github" / "workflows" / "ci.yml"
    text = path.read_text(encoding="utf-8").replace("persist-credentials: false", "fetch-depth: 1")
    path.write_text(re.sub(r"@[0-9a-f]{40} # (v\d+).*", r"@\1", text), encoding="utf-8")
    done = findings(project)
    assert done.returncode != 0
    assert "unpinned-uses" in done.stdout and "artipacked" in done.stdout


def test_every_night_the_tests_run_with_pre_releases(bake: Bake) -> None:
    taken = ["--upgrade", "--pre", "hydra-core", "omegaconf", "lightning", "torch"]
    rehearsed = subprocess.run(
        ["make", "--dry-run", "newest"], cwd=bake(), capture_output=True, text=True, check=True
    ).stdout
    assert rehearsed.rstrip().endswith("install " + " ".join(taken))
    nightly = (bake(ci="github") / ".github" / "workflows" / "newest.yml").read_text(encoding="utf-8")
    gitlab = yaml.safe_load((bake(ci="gitlab") / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    assert "schedule:" in nightly and re.findall("run: (.*)", nightly) == ["make setup", "make newest", "make test"]
    assert gitlab["newest"]["only"] == gitlab["check"]["except"] == ["schedules"]
    assert [line.partition(" #")[0] for line in gitlab["newest"]["script"]] == [
        "make setup",
        "make newest",
        "make test",
    ]
