"""Any estimator of scikit-learn is a model, whose outputs are its predictions, before and after a checkpoint."""

import pytest
import torch
from hyperplane import DataSpec, UserError

from {{ cookiecutter.package_name }}.models.scikit import Sklearn

CLASSES = DataSpec("classification", (4,), 3, train_size=90)
VALUES = DataSpec("regression", (4,), 1, train_size=90)
Y = torch.arange(90) % 3
X = torch.randn(90, 4, generator=torch.Generator().manual_seed(0)) + 2 * torch.eye(3, 4)[Y]


def fitted(spec=CLASSES, estimator="random_forest", parameters=None):
    model = Sklearn(spec, estimator, parameters)
    model.solve(X, Y if spec.task == "classification" else X.sum(1, keepdim=True))
    return model


def reloaded(model, spec, tmp_path):
    """Return the same model, by way of a checkpoint."""
    torch.save(model.state_dict(), tmp_path / "weights")
    other = Sklearn(spec, type(model.estimator).__name__)
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    return other


@pytest.mark.parametrize(
    "name", ["RandomForestClassifier", "LogisticRegression", "RidgeClassifier", "SVC", "MLPClassifier"]
)
@pytest.mark.filterwarnings("ignore")
def test_the_largest_output_is_the_prediction(tmp_path, name):
    model = fitted(estimator=name)
    outputs = model(X)
    assert outputs.shape == (90, 3) and outputs.dtype == torch.float32 and outputs.isfinite().all()
    assert outputs.argmax(1).tolist() == model.estimator.predict(X.numpy()).tolist()
    assert torch.equal(reloaded(model, CLASSES, tmp_path)(X), outputs)


@pytest.mark.parametrize("name", ["random_forest", "LinearRegression", "k_neighbors"])
def test_a_regressor_predicts_values(tmp_path, name):
    model = fitted(VALUES, name)
    outputs = model(X)
    assert outputs.shape == (90, 1)
    assert outputs.flatten().tolist() == pytest.approx(model.estimator.predict(X.numpy()).tolist())
    assert torch.equal(reloaded(model, VALUES, tmp_path)(X), outputs)


def test_margins_between_pairs_of_classes_are_not_taken_for_margins_of_classes():
    model = fitted(estimator="SVC", parameters={"decision_function_shape": "ovo"})
    assert model(X).argmax(1).tolist() == model.estimator.predict(X.numpy()).tolist()


def test_outputs_are_log_probabilities():
    model = fitted(estimator="LogisticRegression")
    assert model(X).softmax(1).numpy() == pytest.approx(model.estimator.predict_proba(X.numpy()), abs=1e-6)


@pytest.mark.parametrize("name", ["LogisticRegression", "RidgeClassifier", "Perceptron"])
def test_two_classes_of_three_in_training_leave_the_third_unlikely(name):
    model = Sklearn(CLASSES, name)
    model.solve(X[Y != 1], Y[Y != 1])
    assert set(model(X).argmax(1).tolist()) == {0, 2}


def test_snake_case_names_the_classifier_or_the_regressor_of_the_task():
    assert type(Sklearn(CLASSES).estimator).__name__ == "RandomForestClassifier"
    assert type(Sklearn(VALUES).estimator).__name__ == "RandomForestRegressor"
    assert type(Sklearn(CLASSES, "k_neighbors").estimator).__name__ == "KNeighborsClassifier"


def test_the_seed_of_the_run_is_the_random_state():
    def grown(seed):
        torch.manual_seed(seed)
        return fitted(parameters={"n_estimators": 5})(X)

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
        (CLASSES, "random_forest", {"n_estimators": -3}, r"The 'n_estimators' parameter .* must be an int"),
    ],
)
def test_a_wrong_name_or_value_is_answered_in_a_sentence(spec, estimator, parameters, message):
    with pytest.raises(UserError, match=message):
        fitted(spec, estimator, parameters)
