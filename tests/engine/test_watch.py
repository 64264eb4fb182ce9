"""`runs watch` says how a multirun stands while it runs."""

import gc
import json
import os
import sys
import termios
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from hyperplane.commands.runs import main
from hyperplane.reporting import watching
from hyperplane.reporting.status_line import epochs_of, in_a_line, status_line
from hyperplane.run_folder.locks import at_work_in
from hyperplane.terminal import ERASE, PrintedAbove, is_drawn_on, print_above

from synthetic_runs import write_run

NOW = 1_800_000_000


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Six jobs: two completed, one running, one failed, one killed, one waiting."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watching.time, "time", lambda: NOW)
    folder = tmp_path / "runs/sweeps/s"
    for seed in (1, 2):
        taken = {"seconds": {"total": 50.0 + 20 * seed}}
        write_run(folder / f"mlp-{seed}", seed, 0.5, val=0.6, model=("mlp", "cnn")[seed - 1], **taken)
    running = write_run(folder / "mlp-3", 3, None, status=None, curve=[0.1, 0.25])
    os.utime(running / ".hydra/config.yaml", (NOW - 30, NOW - 30))
    write_run(folder / "mlp-4", 4, None, status="failed", error="ValueError: no good")
    write_run(folder / "mlp-5", 5, None, status=None)
    (folder / "jobs.json").write_text(json.dumps([f"mlp-{seed}" for seed in range(1, 7)]))
    with FileLock(running / ".lock"):
        yield "runs/sweeps/s"


def test_it_counts_jobs_and_names_what_runs_and_what_failed(sweep, capsys):
    assert main(["watch", sweep]) == 0
    lines = capsys.readouterr().out.splitlines()
    # Jobs take 80 seconds: 50 are left of the one that runs, and one waits.
    told = "2 completed, 1 running, 1 waiting, 1 failed, 1 unfinished; about 2 min left"
    assert lines.pop(1).startswith("Best by the highest mean val/accuracy: model="), "a low terminal shows the start"
    assert lines == [
        f"{sweep}: {told}",
        "  mlp-3: epoch 2, val/accuracy 0.25",
        "  failed: mlp-4: ValueError: no good",
    ]


def test_a_multirun_keeps_a_line_on_its_terminal_and_takes_it_away(sweep, monkeypatch):
    line = in_a_line(watching.standing(Path(sweep)))
    told = "2 completed, 1 running, 1 waiting, 1 failed, 1 unfinished; about 2 min left; best 0.6"
    assert line.startswith(f"{told} (val/accuracy): model=")
    assert epochs_of([1.0]) == "" and epochs_of([1.0, 1.0]) == "epoch 2" and epochs_of([4.0, 1.0]) == "epochs 2 to 5"
    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 40))
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(terminal, "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with status_line(Path(sweep)):
            assert os.read(screen, 1000).decode().startswith(f"\r{line[:39]}\x1b[K\r")
        assert os.read(screen, 1000).decode().endswith(ERASE)
    threads = threading.active_count()
    with Path(os.devnull).open("w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with status_line(Path("no such folder")):
            assert threading.active_count() == threads and not is_drawn_on()


def test_what_a_job_prints_erases_the_line_and_is_written_whole(tmp_path, monkeypatch):
    screen, terminal = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")

    def shown(expected):
        found = b""
        while len(found) < len(expected):
            found += os.read(screen, 1000)
        assert found == expected

    with os.fdopen(terminal, "w", encoding="latin-1", errors="replace") as output:
        monkeypatch.setattr(sys, "stderr", output)
        monkeypatch.setattr(sys, "stdout", output)
        print_above()
        print_above()  # once is enough
        assert type(sys.stdout) is PrintedAbove and sys.stdout.isatty() and sys.stdout.fileno() == output.fileno()
        assert sys.stdout.buffer is output.buffer and (sys.stdout.encoding, sys.stdout.errors) == ("latin-1", "replace")
        sys.stdout.writelines(["two ", "lines\nof a job \N{SNOWMAN}\n"])
        shown(b"\r\x1b[Jtwo lines\r\nof a job ?\r\n")
        sys.stdout.write("half")
        sys.stdout.flush()
        shown(b"\r\x1b[Jhalf")
        sys.stdout.write(" a line\n")
        shown(b"\r\x1b[Jhalf a line\r\n")  # again, as it was drawn over meanwhile
        sys.stdout.write("1 %\r")
        sys.stdout.write("2 %\r")
        shown(b"\r\x1b[J1 %\r\r\x1b[J2 %\r")
        sys.stdout.write("\n")
        shown(b"\r\x1b[J\r\n")
        for number in range(3):  # wider than the terminal
            sys.stdout.write(f"{number}" * 30)
            sys.stdout.flush()
        shown(b"\r\x1b[J%b\r\x1b[J%b\r\x1b[J%b" % (b"0" * 30, b"0" * 30 + b"1" * 30, b"1" * 20 + b"2" * 30))
        sys.stdout = output  # as a job may do
        gc.collect()
        output.write("still open\n")
        with (tmp_path / "out.txt").open("w") as file:
            monkeypatch.setattr(sys, "stdout", file)
            print_above()
            assert sys.stdout is file, "a file holds what was printed, and nothing else"


def test_it_says_when_a_multirun_was_killed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs/sweeps/s/mlp-1", 1, None, status=None)
    (tmp_path / "runs/sweeps/s/jobs.json").write_text('["mlp-1", "?"]')  # as of a search
    told = "runs/sweeps/s: 1 waiting, 1 unfinished\n"
    with at_work_in(tmp_path / "runs/sweeps/s"), at_work_in(tmp_path / "runs/sweeps/s"):  # two that run the same
        assert main(["watch", "runs/sweeps/s"]) == 0
    assert capsys.readouterr().out == told
    main(["watch", "runs/sweeps/s"])
    assert (
        capsys.readouterr().out
        == told + "No job seems to be running. The same command runs the rest, unless jobs wait in a queue.\n"
    )


def test_it_ends_when_two_looks_find_nothing_left_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2, 3):
        write_run(tmp_path / f"runs/sweeps/s/mlp-{seed}", seed, 0.5)
    leader = FileLock(tmp_path / "runs/sweeps/s/.lock")  # of a search, between two trials
    leader.acquire()
    looks = []

    def sleep(_):
        looks.append((tmp_path / "page.html").read_text())
        if len(looks) == 3:
            leader.release()

    monkeypatch.setattr(watching.time, "sleep", sleep)
    watching.watch(tmp_path / "runs/sweeps/s", 0, tmp_path / "page.html")
    assert len(looks) == 4


def test_it_writes_a_page_that_a_browser_loads_anew_until_all_have_ended(sweep, tmp_path, monkeypatch):
    lines = watching.lines_of(watching.standing(tmp_path / sweep))
    page = watching.html_of(lines, 2)
    assert 'http-equiv="refresh" content="2"' in page and ":root { color-scheme: light dark; }" in page
    assert "&lt;b&gt;" in watching.html_of(["s", "failed: <b>"], None)
    for name in ("mlp-3", "mlp-6"):
        write_run(tmp_path / "runs/sweeps/t" / name, 3, 0.5)
    monkeypatch.setattr(watching.time, "sleep", lambda _: None)
    assert main(["watch", "runs/sweeps/t", "--html", "page.html"]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "runs/sweeps/t: 2 completed</h1>" in page and "refresh" not in page


def test_a_folder_that_is_not_there_and_a_page_that_cannot_be_written_are_named(sweep, capsys):
    assert main(["watch", "runs/sweeps/x"]) == 2
    assert "no folder runs/sweeps/x. Did you mean runs/sweeps/s?" in capsys.readouterr().err
    assert main(["watch", sweep, "--html", "nowhere/page.html"]) == 2
    assert "--html=nowhere/page.html cannot be written: No such file or directory" in capsys.readouterr().err
