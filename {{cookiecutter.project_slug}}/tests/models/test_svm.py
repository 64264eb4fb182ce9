"""The primal support vector machine minimises its objective, and ends where scikit-learn's does."""

import pytest
import torch
from hyperplane import DataSpec, UserError
from hyperplane.data.scaling import Scaling
from sklearn.datasets import load_breast_cancer, make_moons
from sklearn.svm import SVC

from {{ cookiecutter.package_name }}.models.svm import SVM


def samples(x, y):
    """Return standardised inputs, classes, and their spec."""
    x, y = torch.tensor(x), torch.tensor(y)
    x = ((x - x.mean(0)) / x.std(0)).float()
    return x, y, DataSpec("classification", x.shape[1:], len(y.unique()), train_size=len(x))


MOONS = samples(*make_moons(800, noise=0.2, random_state=0))
TUMOURS = samples(*load_breast_cancer(return_X_y=True))


def trained(machine, x, y, spec, steps):
    """Train with all samples in every step, as the task does: loss and penalty are added."""
    loss = machine.default_loss(spec)
    optimizer = torch.optim.Adam(machine.parameters(), lr=0.1, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        (loss(machine(x), y) + machine.penalty()).backward()
        optimizer.step()
        schedule.step()
    return machine


@pytest.mark.parametrize(
    ("data", "C", "steps"), [(MOONS, 0.1, 500), (MOONS, 10.0, 500), (TUMOURS, 1.0, 2000)], ids=["soft", "hard", "real"]
)
def test_full_gradients_reach_the_objective_of_scikit_learn(data, C, steps):
    x, y, spec = data
    machine = trained(SVM(spec, C=C), x, y, spec, steps).double()
    reached = machine.objective(x.double(), y).item()
    svc = SVC(kernel="linear", C=C, tol=1e-5).fit(x.double().numpy(), y.numpy())
    best = {"weight": torch.tensor(svc.coef_), "bias": torch.tensor(svc.intercept_)}
    machine.hyperplanes.load_state_dict(best)
    assert reached == pytest.approx(machine.objective(x.double(), y).item(), rel=1e-3)


def test_the_loss_and_penalty_that_are_trained_are_the_primal_objective():
    x, y, spec = MOONS
    machine = SVM(spec, C=3.0)
    w, b = machine.hyperplanes.weight[0], machine.hyperplanes.bias
    t = 2 * y - 1
    objective = w @ w / 2 + 3.0 * (1 - t * (x @ w + b)).clamp(min=0).sum()
    loss = SVM.default_loss(spec)(machine(x), y) + machine.penalty()
    assert machine.objective(x, y).item() == pytest.approx(objective.item())
    assert loss.item() * 3.0 * len(t) == pytest.approx(objective.item())


def test_the_figure_of_its_regions_marks_the_samples_on_its_margin_or_beyond_it():
    tasks = pytest.importorskip("{{ cookiecutter.package_name }}.tasks.classification")
    x, y, spec = MOONS
    machine = SVM(spec)
    task = tasks.Classification(machine, machine.default_loss(spec), spec, Scaling(spec), None)
    held = task.support_vectors(x.numpy(), y.numpy(), task.decide_array)
    assert held.tolist() == ((2 * y - 1) * machine.decision(x) <= 1).nonzero().flatten().tolist()


@pytest.mark.parametrize("classes", [2, 3])
def test_each_class_has_an_output(outputs_of, classes):
    spec = DataSpec("classification", (4, 2), classes, train_size=10)
    machine = SVM(spec)
    outputs = outputs_of(machine, spec)
    assert outputs.shape == (5, classes)
    assert len(machine.hyperplanes.weight) == (1 if classes == 2 else 3)


def test_data_without_classes_are_refused():
    with pytest.raises(UserError, match=r"separates classes, but these data are for regression\. Try model="):
        SVM(DataSpec("regression", (2,), 1))
