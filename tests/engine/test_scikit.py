"""A model that is solved at once is trained, kept and evaluated like any other, and reads back scikit-learn alone."""

import pytest
import torch
from hyperplane import DataSpec, UserError

from my_research.models.estimators import is_of_sklearn, read_estimator, write_estimator
from my_research.models.scikit import Sklearn


def test_training_and_evaluating_from_the_command_line_agree(train, command):
    done = train("model=sklearn", "model.parameters={n_estimators: 10}", "data=wine", "data.val_fraction=0.2")
    assert done.summary["status"] == "completed" and done.summary["metrics"]["test/accuracy"] > 0.8
    evaluated = command("evaluate", f"run={done.folder}")
    assert evaluated.status == 0
    assert evaluated.stderr.count("as in summary.json") == 2


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
