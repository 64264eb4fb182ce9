"""Support vector machines end where scikit-learn's do: the same objective, support vectors and predictions."""

import numpy as np
import pytest
import torch
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from sklearn.datasets import load_breast_cancer, load_wine, make_blobs, make_circles, make_moons
from sklearn.svm import SVC

from my_research.models.kernel_svm import LARGEST, KernelSVM
from my_research.models.svm import SVM

BLOBS = make_blobs(600, centers=4, cluster_std=2.0, random_state=0)
DATA = {
    "moons": make_moons(1000, noise=0.2, random_state=0),
    "circles": make_circles(1000, noise=0.1, factor=0.5, random_state=0),
    "breast_cancer": load_breast_cancer(return_X_y=True),
    "blobs": BLOBS,
    "wine": load_wine(return_X_y=True),
}
EXACT = 1e-5  # tolerance of both solvers
KERNELS = [{"kernel": "rbf"}, {"kernel": "linear"}, {"kernel": "polynomial", "degree": 2, "coef0": 1.0}]


def parts(name):
    """Standardised training and test inputs and classes, and the spec."""
    x, y = DATA[name]
    order = np.random.default_rng(0).permutation(len(x))
    x, y = torch.tensor(x[order]), torch.tensor(y[order])
    n = len(x) * 4 // 5
    x = ((x - x[:n].mean(0)) / x[:n].std(0)).float()
    classes = len(y.unique())
    counts = tuple(torch.bincount(y[:n], minlength=classes).tolist())
    spec = DataSpec("classification", x.shape[1:], classes, train_size=n, class_counts=counts)
    return spec, (x[:n], y[:n]), (x[n:], y[n:])


def reference(train, kernel="rbf", class_weights=None, **settings):
    kernel = {"polynomial": "poly"}.get(kernel, kernel)
    svc = SVC(kernel=kernel, class_weight=class_weights, tol=EXACT, break_ties=len(train[1].unique()) > 2, **settings)
    return svc.fit(train[0].double().numpy(), train[1].numpy())


def dual_objective(svc, kernel):
    """W of scikit-learn's coefficients, which are yα of two classes."""
    beta, vectors = torch.tensor(svc.dual_coef_[0]), torch.tensor(svc.support_vectors_)
    return float(beta.abs().sum() - beta @ kernel(vectors, vectors) @ beta / 2)


@pytest.mark.parametrize("settings", KERNELS, ids=lambda settings: settings["kernel"])
@pytest.mark.parametrize("name", ["moons", "circles", "breast_cancer"])
def test_the_dual_has_the_objective_and_the_support_vectors_of_scikit_learn(name, settings):
    spec, train, (test_inputs, _) = parts(name)
    machine = KernelSVM(spec, C=2.0, tolerance=EXACT, **settings)
    machine.solve(*train)
    svc = reference(train, C=2.0, **settings)
    assert machine.dual_objectives.item() == pytest.approx(dual_objective(svc, machine.kernel), rel=1e-3)
    assert machine.support_indices.tolist() == sorted(svc.support_)
    same = machine(test_inputs).argmax(1).numpy() == svc.predict(test_inputs.double().numpy())
    assert same.mean() >= 0.995
    assert machine.decision(test_inputs).numpy() == pytest.approx(svc.decision_function(test_inputs.numpy()), abs=1e-3)


@pytest.mark.parametrize("settings", KERNELS, ids=lambda settings: settings["kernel"])
@pytest.mark.parametrize("name", ["wine", "blobs"])
def test_several_classes_are_told_apart_as_by_scikit_learn(name, settings):
    spec, train, (test_inputs, _) = parts(name)
    machine = KernelSVM(spec, tolerance=EXACT, **settings)
    machine.solve(*train)
    svc = reference(train, **settings)
    outputs = machine(test_inputs)
    assert (outputs.argmax(1).numpy() == svc.predict(test_inputs.double().numpy())).mean() >= 0.995
    assert machine.support_indices.tolist() == sorted(svc.support_)
    assert ((outputs > 0).sum(1) <= 1).all(), "only a class that wins all of its duels lies above 0"


def test_the_solution_fulfils_the_conditions_of_optimality():
    spec, (x, y), _ = parts("moons")
    machine = KernelSVM(spec, C=0.5)
    machine.solve(x, y)
    alpha = torch.zeros(len(x), dtype=torch.float64)
    t = 2 * y - 1
    alpha[machine.support_indices] = machine.coefficients[0] * t[machine.support_indices]
    height = t * machine.decision(x)
    assert alpha.min() >= 0 and alpha.max() <= 0.5
    assert (alpha * t).sum().abs() < 1e-9
    assert (height[alpha == 0] >= 1 - 2e-3).all(), "samples without weight lie outside of the margin"
    assert (height[alpha == 0.5] <= 1 + 2e-3).all(), "samples with the largest weight lie beyond it"
    free = (alpha > 0) & (alpha < 0.5)
    assert height[free].tolist() == pytest.approx([1.0] * int(free.sum()), abs=2e-3)


@pytest.mark.parametrize("class_weights", [None, "balanced", (1.0, 5.0)])
def test_class_weights_are_factors_of_c(class_weights):
    spec, train, (test_inputs, _) = parts("breast_cancer")
    machine = KernelSVM(spec, class_weights=class_weights)
    machine.solve(*train)
    weights = dict(enumerate(class_weights)) if isinstance(class_weights, tuple) else class_weights
    svc = reference(train, class_weights=weights)
    assert machine.decision(test_inputs).numpy() == pytest.approx(svc.decision_function(test_inputs.numpy()), abs=0.01)


def test_a_checkpoint_holds_the_solution(tmp_path):
    spec, train, (test_inputs, _) = parts("wine")
    machine, other = KernelSVM(spec), KernelSVM(spec)
    machine.solve(*train)
    torch.save(machine.state_dict(), tmp_path / "weights")
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    assert torch.equal(other(test_inputs), machine(test_inputs))
    assert torch.equal(other.support_indices, machine.support_indices)


def test_a_class_without_training_samples_is_never_predicted():
    spec, (x, y), (test_inputs, _) = parts("wine")
    machine = KernelSVM(spec)
    machine.solve(x[y != 1], y[y != 1])
    assert set(machine(test_inputs).argmax(1).tolist()) == {0, 2}


def test_samples_that_coincide_do_not_stop_the_solver():
    x, y = torch.zeros(20, 2), torch.arange(20) % 2
    machine = KernelSVM(DataSpec("classification", (2,), 2, train_size=20))
    machine.solve(x, y)
    assert machine(x).isfinite().all()


def test_too_many_samples_are_refused_in_a_sentence():
    with pytest.raises(UserError, match=r"at most 20000 of them; these data have 20001\. Try model=svm"):
        KernelSVM(DataSpec("classification", (2,), 2, train_size=LARGEST + 1))


@pytest.mark.parametrize("model", [SVM, KernelSVM])
def test_machines_refuse_data_without_classes(model):
    with pytest.raises(UserError, match=r"parts classes, but these data are for regression\. Try model="):
        model(DataSpec("regression", (2,), 1))


def test_the_loss_and_penalty_that_are_trained_are_the_primal_objective():
    spec, train, _ = parts("moons")
    machine = SVM(spec, C=3.0)
    w, b = machine.hyperplanes.weight[0], machine.hyperplanes.bias
    t = 2 * train[1] - 1
    objective = w @ w / 2 + 3.0 * (1 - t * (train[0] @ w + b)).clamp(min=0).sum()
    trained = SVM.default_loss(spec)(machine(train[0]), train[1]) + machine.penalty()
    assert machine.objective(*train).item() == pytest.approx(objective.item())
    assert trained.item() * 3.0 * len(t) == pytest.approx(objective.item())
