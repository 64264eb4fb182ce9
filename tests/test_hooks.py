"""The template's hooks start no shell, and nothing but git: proven by Python's own audit of a bake."""

import json
from pathlib import Path

import pytest
from conftest import TEMPLATE, bake_into

# Python imports this at its start, and notes from then on which programs it starts and what source it compiles.
SITECUSTOMIZE = """
import json, os, sys

STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")
log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(event, arguments):
    if event in STARTS:
        os.write(log, (json.dumps([event, [str(a) for a in arguments[:2]]]) + "\\n").encode())


sys.addaudithook(note)
"""
TOUCH = "touch was-here"
HOSTILE = {
    "project_name": f"Ann's $({TOUCH}) ; {TOUCH}",
    "description": f"$({TOUCH}); {TOUCH} && {TOUCH} | {TOUCH} # ' & <({TOUCH}) __import__('os').system('{TOUCH}')",
    "author_name": f"-c core.fsmonitor='{TOUCH}' $({TOUCH}); {TOUCH}",
    "author_email": "$(touch)&was-here@example.com".replace("(", "{").replace(")", "}"),
}


def test_hooks_start_git_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    log = tmp_path / "log.jsonl"
    monkeypatch.setenv("AUDIT_LOG", str(log))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "audit"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # git knows no name there, so it is told the answers
    monkeypatch.chdir(tmp_path / "here")

    project = bake_into(TEMPLATE, tmp_path / "here", **HOSTILE)

    started = [json.loads(line) for line in log.read_text().splitlines()]
    assert {event for event, _ in started} == {"subprocess.Popen"}
    assert {Path(program).name for _, (program, _) in started} == {"git"}
    assert any(f"user.name={HOSTILE['author_name']}" in words for _, (_, words) in started), "an answer is one word"
    assert not list(tmp_path.rglob("was-here*"))
    assert HOSTILE["description"] in (project / "README.md").read_text(encoding="utf-8")
