"""The dual support vector machine ends where scikit-learn's does: objective, support vectors and predictions."""

import numpy as np
import pytest
import torch
from hyperplane import DataSpec, UserError
from sklearn.datasets import load_breast_cancer, load_wine, make_blobs, make_circles, make_moons
from sklearn.svm import SVC

from {{ cookiecutter.package_name }}.models.kernel_svm import LARGEST, KernelSVM

DATA = {
    "moons": make_moons(1000, noise=0.2, random_state=0),
    "circles": make_circles(1000, noise=0.1, factor=0.5, random_state=0),
    "breast_cancer": load_breast_cancer(return_X_y=True),
    "blobs": make_blobs(600, centers=4, cluster_std=2.0, random_state=0),
    "wine": load_wine(return_X_y=True),
}
EXACT = 1e-5  # tolerance of both solvers
KERNELS = [{"kernel": "rbf"}, {"kernel": "linear"}, {"kernel": "polynomial", "degree": 2, "coef0": 1.0}]


def parts(name):
    """Return the spec, standardised training inputs and classes, and test inputs."""
    x, y = DATA[name]
    order = np.random.default_rng(0).permutation(len(x))
    x, y = torch.tensor(x[order]), torch.tensor(y[order])
    n = len(x) * 4 // 5
    x = ((x - x[:n].mean(0)) / x[:n].std(0)).float()
    counts = tuple(torch.bincount(y[:n]).tolist())
    spec = DataSpec("classification", x.shape[1:], len(counts), train_size=n, class_counts=counts)
    return spec, (x[:n], y[:n]), x[n:]


def reference(train, kernel="rbf", class_weights=None, **settings):
    kernel = {"polynomial": "poly"}.get(kernel, kernel)
    svc = SVC(kernel=kernel, class_weight=class_weights, tol=EXACT, break_ties=len(train[1].unique()) > 2, **settings)
    return svc.fit(train[0].double().numpy(), train[1].numpy())


@pytest.mark.parametrize("settings", KERNELS, ids=lambda settings: settings["kernel"])
@pytest.mark.parametrize("name", ["moons", "circles", "breast_cancer"])
def test_the_dual_has_the_objective_and_the_support_vectors_of_scikit_learn(name, settings):
    spec, train, test = parts(name)
    machine = KernelSVM(spec, C=2.0, tolerance=EXACT, **settings)
    machine.solve(*train)
    svc = reference(train, C=2.0, **settings)
    beta, vectors = torch.tensor(svc.dual_coef_[0]), torch.tensor(svc.support_vectors_)  # β = yα
    objective = float(beta.abs().sum() - beta @ machine.kernel(vectors, vectors) @ beta / 2)
    assert machine.dual_objectives.item() == pytest.approx(objective, rel=1e-3)
    assert machine.support_indices.tolist() == sorted(svc.support_)
    assert (machine(test).argmax(1).numpy() == svc.predict(test.double().numpy())).mean() >= 0.995
    assert machine.decision(test).numpy() == pytest.approx(svc.decision_function(test.numpy()), abs=1e-3)


@pytest.mark.parametrize("settings", KERNELS, ids=lambda settings: settings["kernel"])
@pytest.mark.parametrize("name", ["wine", "blobs"])
def test_several_classes_are_told_apart_as_by_scikit_learn(name, settings):
    spec, train, test = parts(name)
    machine = KernelSVM(spec, tolerance=EXACT, **settings)
    machine.solve(*train)
    svc, outputs = reference(train, **settings), machine(test)
    assert (outputs.argmax(1).numpy() == svc.predict(test.double().numpy())).mean() >= 0.995
    assert machine.support_indices.tolist() == sorted(svc.support_)
    assert ((outputs > 0).sum(1) <= 1).all(), "only a class that beats all others lies above 0"


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
    spec, train, test = parts("breast_cancer")
    machine = KernelSVM(spec, class_weights=class_weights)
    machine.solve(*train)
    weights = dict(enumerate(class_weights)) if isinstance(class_weights, tuple) else class_weights
    svc = reference(train, class_weights=weights)
    assert machine.decision(test).numpy() == pytest.approx(svc.decision_function(test.numpy()), abs=0.01)


def test_a_checkpoint_holds_the_solution(tmp_path):
    spec, train, test = parts("wine")
    machine, other = KernelSVM(spec), KernelSVM(spec)
    machine.solve(*train)
    torch.save(machine.state_dict(), tmp_path / "weights")
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    assert torch.equal(other(test), machine(test))
    assert torch.equal(other.support_indices, machine.support_indices)


def test_a_class_without_training_samples_is_never_predicted():
    spec, (x, y), test = parts("wine")
    machine = KernelSVM(spec)
    machine.solve(x[y != 1], y[y != 1])
    assert set(machine(test).argmax(1).tolist()) == {0, 2}


def test_samples_that_coincide_do_not_stop_the_solver():
    x, y = torch.zeros(20, 2), torch.arange(20) % 2
    machine = KernelSVM(DataSpec("classification", (2,), 2, train_size=20))
    machine.solve(x, y)
    assert machine(x).isfinite().all()


def test_data_that_it_cannot_solve_are_refused_in_a_sentence():
    with pytest.raises(UserError, match=r"at most 20000 of them; these data have 20001\. Try model=svm"):
        KernelSVM(DataSpec("classification", (2,), 2, train_size=LARGEST + 1))
    with pytest.raises(UserError, match=r"separates classes, but these data are for regression\. Try model="):
        KernelSVM(DataSpec("regression", (2,), 1))
