"""A model that is solved at once is trained, kept and evaluated like any other, and reads back scikit-learn alone."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import torch
from hyperplane import DataSpec, UserError
from hyperplane.networks.estimators import is_of_sklearn, read_estimator, write_estimator
from hyperplane.processes import fitting
from hyperplane.processes.fitting import fit_apart
from hyperplane.processes.signals import Stopped, at_once, listening
from hyperplane.processes.workers import Died
from loguru import logger
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from stubborn import Closed, Endless, Particular, Refusing, Tidy, Vanishing

from my_research.models.scikit import Sklearn


def test_training_and_evaluating_from_the_command_line_agree(train, command):
    done = train("model=sklearn", "model.parameters={n_estimators: 10}", "data=wine", "data.val_fraction=0.2")
    assert done.summary["status"] == "completed" and done.summary["metrics"]["test/accuracy"] > 0.8
    evaluated = command("evaluate", f"run={done.folder}")
    assert evaluated.status == 0
    assert evaluated.stderr.count("as in summary.json") == 2


def test_the_weights_have_two_names_and_one_file(train):
    done = train("model=sklearn", "model.parameters={n_estimators: 10}", "data=wine", "data.val_fraction=0.2")
    last, best = (done.folder / "checkpoints" / name for name in ("last.ckpt", "best.ckpt"))
    assert last.samefile(best)
    without = train("model=sklearn", "model.parameters={n_estimators: 10}", "data=wine", "data.val_fraction=0")
    assert not (without.folder / "checkpoints/best.ckpt").exists()


def test_what_is_fitted_in_a_process_of_its_own_is_the_same(messages, monkeypatch):
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_LINES", 0.0)
    x, y = make_classification(200, 30, random_state=0)
    x = x.astype(np.float32)
    apart = fit_apart(RandomForestClassifier(20, random_state=1), x, y)
    assert (apart.predict_proba(x) == RandomForestClassifier(20, random_state=1).fit(x, y).predict_proba(x)).all()
    assert any("RandomForestClassifier: fitting 200 × 30 values, for" in message for message in messages)
    logged = []
    sink = logger.add(lambda message: logged.append(str(message)), level="DEBUG")
    with pytest.raises(ValueError, match="they are odd"), pytest.warns(UserWarning, match="look odd"):
        fit_apart(Refusing(), x, y)
    logger.remove(sink)
    assert any('raise ValueError("they are odd")' in message for message in logged), "where it was raised"


@pytest.mark.parametrize(
    ("estimator", "error", "words"),
    [
        (Particular(), RuntimeError, r"^Odd: 1 and 2\nIn the process that fitted:"),
        (Closed(), RuntimeError, "^Closed was fitted, but cannot be pickled, which training needs: .*lambda"),
        (Vanishing(), Died, "^its process ended with status 3$"),
    ],
)
def test_what_another_process_cannot_say_is_said_for_it(estimator, error, words):
    with pytest.raises(error, match=words):
        fit_apart(estimator, np.zeros((1, 1)), np.zeros(1))


def test_the_process_of_a_fit_ends_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "SECONDS_TO_CLEAN_UP", 60.0)
    monkeypatch.setenv("TIDIED", str(tmp_path / "tidied"))
    fit_apart(Tidy(), np.zeros((1, 1)), np.zeros(1))
    assert (tmp_path / "tidied").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_to_all_processes_stops_a_fit_that_does_not_listen(tmp_path, monkeypatch, number):
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    is_over = threading.Event()

    def send():
        while not ((tmp_path / "started").exists() and (tmp_path / "started").read_text()):
            time.sleep(0.01)
        os.kill(int((tmp_path / "started").read_text()), number)
        if not is_over.wait(0.2):  # it goes on
            os.kill(os.getpid(), number)

    with listening() as request, pytest.raises(Stopped), request.patiently(), at_once():
        threading.Thread(target=send).start()
        try:
            fit_apart(Endless(), np.zeros((1, 1)), np.zeros(1))
        finally:
            is_over.set()
    child = int((tmp_path / "started").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_signal_just_before_a_part_that_ends_at_once_ends_it():
    with listening() as request, pytest.raises(Stopped), request.patiently():
        obey = request.obey
        request.obey = lambda: (obey(), os.kill(os.getpid(), signal.SIGTERM))  # after it has looked
        with at_once():
            request.obey = obey
            pytest.fail("the signal was only noted")


def fitted(estimator, **parameters):
    classes = torch.arange(30) % 3
    model = Sklearn(DataSpec("classification", (3,), 3, train_size=30), estimator, parameters)
    model.solve(torch.eye(3)[classes], classes)
    return model


def test_only_classes_of_scikit_learn_are_read_back():
    assert is_of_sklearn("sklearn.tree._tree.Tree")
    assert not is_of_sklearn("sklearn.datasets._base.urlretrieve"), "imported by scikit-learn, not its own"
    assert not is_of_sklearn("os.system")


def test_a_checkpoint_that_names_something_else_is_not_loaded():
    estimator = fitted("LogisticRegression").estimator
    estimator.coef_ = Trap()
    with pytest.raises(UserError, match=r"names .*Trap, which is not a class of scikit-learn"):
        read_estimator(write_estimator(estimator))


def test_a_checkpoint_of_another_estimator_is_not_loaded():
    state = fitted("LogisticRegression").state_dict()
    with pytest.raises(UserError, match=r"holds a LogisticRegression, but model\.estimator=RandomForest"):
        fitted("random_forest", n_estimators=2).load_state_dict(state)


class Trap:
    """A type that no checkpoint should bring along."""
