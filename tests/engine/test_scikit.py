"""Any estimator of scikit-learn is a model: the same data, metrics and checkpoints."""

import numpy as np
import pytest
import torch
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from sklearn.neighbors import KNeighborsClassifier

from my_research.models.estimators import is_of_sklearn, read_estimator, write_estimator
from my_research.models.scikit import Sklearn

CLASSES = DataSpec("classification", (4,), 3, train_size=90)
VALUES = DataSpec("regression", (4,), 1, train_size=90)
SMALL = {"n_estimators": 5}


@pytest.fixture(scope="module")
def samples():
    """Inputs (90, 4), their classes and their values."""
    random = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = random.normal(size=(90, 4)) + 2 * np.eye(3, 4)[y]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y), torch.tensor(x.sum(1, keepdims=True)).float()


def fitted(samples, spec=CLASSES, estimator="random_forest", parameters=None):
    x, y, values = samples
    model = Sklearn(spec, estimator, parameters)
    model.solve(x, y if spec.task == "classification" else values)
    return model


def reloaded(model, spec, tmp_path):
    """The same model, by way of a checkpoint."""
    torch.save(model.state_dict(), tmp_path / "weights")
    other = Sklearn(spec, type(model.estimator).__name__)
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    return other


@pytest.mark.parametrize(
    "name", ["RandomForestClassifier", "LogisticRegression", "RidgeClassifier", "SVC", "MLPClassifier"]
)
@pytest.mark.filterwarnings("ignore")
def test_the_largest_output_is_the_prediction_before_and_after_a_checkpoint(samples, tmp_path, name):
    model = fitted(samples, estimator=name)
    outputs = model(samples[0])
    assert outputs.shape == (90, 3) and outputs.dtype == torch.float32 and outputs.isfinite().all()
    assert outputs.argmax(1).tolist() == model.estimator.predict(samples[0].numpy()).tolist()
    assert torch.equal(reloaded(model, CLASSES, tmp_path)(samples[0]), outputs)


def test_margins_between_pairs_of_classes_are_not_taken_for_margins_of_classes(samples):
    model = fitted(samples, estimator="SVC", parameters={"decision_function_shape": "ovo"})
    assert model(samples[0]).argmax(1).tolist() == model.estimator.predict(samples[0].numpy()).tolist()


def test_outputs_are_log_probabilities(samples):
    model = fitted(samples, estimator="LogisticRegression")
    probabilities = model.estimator.predict_proba(samples[0].numpy())
    assert model(samples[0]).softmax(1).numpy() == pytest.approx(probabilities, abs=1e-6)


@pytest.mark.parametrize("name", ["LogisticRegression", "RidgeClassifier", "Perceptron"])
def test_two_classes_of_three_in_training_leave_the_third_unlikely(samples, name):
    x, y, _ = samples
    model = Sklearn(CLASSES, name)
    model.solve(x[y != 1], y[y != 1])
    assert set(model(x).argmax(1).tolist()) == {0, 2}


@pytest.mark.parametrize("name", ["random_forest", "LinearRegression", "k_neighbors"])
def test_a_regressor_predicts_values(samples, tmp_path, name):
    model = fitted(samples, VALUES, name)
    outputs = model(samples[0])
    assert outputs.flatten().tolist() == pytest.approx(model.estimator.predict(samples[0].numpy()).tolist())
    assert outputs.shape == (90, 1)
    assert torch.equal(reloaded(model, VALUES, tmp_path)(samples[0]), outputs)


def test_snake_case_names_the_classifier_or_the_regressor_of_the_task():
    assert type(Sklearn(CLASSES).estimator).__name__ == "RandomForestClassifier"
    assert type(Sklearn(VALUES).estimator).__name__ == "RandomForestRegressor"
    assert isinstance(Sklearn(CLASSES, "k_neighbors").estimator, KNeighborsClassifier)


def test_the_seed_of_the_run_is_the_random_state(samples):
    def grown(seed):
        torch.manual_seed(seed)
        return fitted(samples, parameters=SMALL)(samples[0])

    assert torch.equal(grown(1), grown(1))
    assert not torch.equal(grown(1), grown(2))
    assert Sklearn(CLASSES, parameters={"random_state": 7}).estimator.random_state == 7


@pytest.mark.parametrize(
    ("spec", "estimator", "parameters", "message"),
    [
        (CLASSES, "RandomForrest", {}, r"RandomForrest is not a classifier of scikit-learn.*Did you mean RandomForest"),
        (CLASSES, "random_forrest", {}, r"Did you mean RandomForestClassifier\?"),
        (CLASSES, "Lasso", {}, "Lasso is no classifier, but these data are for classification"),
        (VALUES, "LogisticRegression", {}, "LogisticRegression is no regressor, but these data are for regression"),
        (CLASSES, "SVC", {"c": 1}, r"model\.parameters\.c is not a parameter of SVC"),
        (CLASSES, "random_forest", {"n_estimator": 1}, r"Did you mean n_estimators\?"),
        (CLASSES, "VotingClassifier", {}, "is made of other estimators"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(spec, estimator, parameters, message):
    with pytest.raises(UserError, match=message):
        Sklearn(spec, estimator, parameters)


def test_a_wrong_value_is_a_mistake_of_the_user(samples):
    with pytest.raises(UserError, match=r"RandomForestClassifier: The 'n_estimators' parameter .* must be an int"):
        fitted(samples, parameters={"n_estimators": -3})


def test_only_classes_of_scikit_learn_are_read_back():
    assert is_of_sklearn("sklearn.tree._tree.Tree")
    assert not is_of_sklearn("sklearn.datasets._base.urlretrieve"), "imported by scikit-learn, not its own"
    assert not is_of_sklearn("os.system")


def test_a_checkpoint_that_names_something_else_is_not_loaded(samples):
    estimator = fitted(samples, estimator="LogisticRegression", parameters={"C": 2.0}).estimator
    estimator.coef_ = Trap()
    with pytest.raises(UserError, match=r"names .*Trap, which is not a class of scikit-learn"):
        read_estimator(write_estimator(estimator))


def test_a_checkpoint_of_another_estimator_is_not_loaded(samples):
    state = fitted(samples, estimator="LogisticRegression").state_dict()
    with pytest.raises(UserError, match=r"holds a LogisticRegression, but model\.estimator=RandomForest"):
        fitted(samples, estimator="random_forest", parameters={"n_estimators": 2}).load_state_dict(state)


class Trap:
    """A type that no checkpoint should bring along."""


def test_training_and_evaluating_from_the_command_line_agree(train, command):
    done = train("model=sklearn", "model.parameters={n_estimators: 10}", "data=wine", "data.val_fraction=0.2")
    assert done.summary["status"] == "completed" and done.summary["metrics"]["test/accuracy"] > 0.8
    evaluated = command("evaluate", f"run={done.folder}")
    assert evaluated.status == 0
    assert evaluated.stderr.count("as in summary.json") == 2
