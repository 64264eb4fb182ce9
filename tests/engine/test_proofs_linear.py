"""Linear models, trained through the command, end where a closed form or scikit-learn says that they must."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from my_research.data.bundled import Bundled
from my_research.data.curves import Plane, Salary
from my_research.data.planar import Blobs, Moons
from my_research.models.svm import SVM

UNPENALISED = "model.l2=0"
WHOLE = ("data.batch_size=100000", "data.val_fraction=0", "checkpoint.test=last")  # all samples in every step
LBFGS = ("optimizer=lbfgs", "optimizer.max_iter=200", "trainer.max_epochs=5")
DATA = {
    "salary": lambda **loading: Salary(noise=10.0, **loading),
    "plane": lambda **loading: Plane(noise=0.5, **loading),
    "diabetes": lambda **loading: Bundled(name="diabetes", **loading),
    "breast_cancer": lambda **loading: Bundled(name="breast_cancer", **loading),
    "moons": lambda **loading: Moons(noise=0.2, **loading),
    "blobs": lambda **loading: Blobs(noise=1.0, **loading),
}


def samples(name, standardize=False):
    """The data that a run trained on; `parts` are as the network sees them."""
    data = DATA[name](batch_size=1, val_fraction=0, standardize=standardize, seed=0)
    data.setup()
    return data


def weights(done):
    """Everything that the last checkpoint holds, in double precision."""
    state = torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return {name: value.double() for name, value in state.items()}


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("salary", ("optimizer=sgd", "trainer.max_epochs=60")),
        ("plane", ("optimizer=sgd", "trainer.max_epochs=60")),
        ("plane", LBFGS),
        ("diabetes", LBFGS),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_linear_regression_reaches_the_least_squares_in_closed_form(train, name, optimizer):
    state = weights(train("model=linear", UNPENALISED, f"data={name}", *WHOLE, *optimizer))
    # In the units of the data: ŷ = W x + b.
    W = state["network.output.weight"] * state["scaling.target_std"] / state["scaling.input_std"]
    b = (state["network.output.bias"] * state["scaling.target_std"] + state["scaling.target_mean"]) - W @ (
        state["scaling.input_mean"]
    )
    x, y = (values.double() for values in samples(name).raw["train"])
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1)], dim=1), y).solution
    assert torch.linalg.norm(W.T - solution[:-1]) <= 1e-4 * torch.linalg.norm(solution[:-1])
    assert torch.linalg.norm(b - solution[-1]) <= 1e-4 * torch.linalg.norm(solution[-1])


@pytest.mark.parametrize("name", ["blobs", "moons"])  # they overlap, so that the optimum is finite
def test_linear_classification_reaches_the_loss_of_scikit_learn(train, name):
    state = weights(train("model=linear", UNPENALISED, f"data={name}", *WHOLE, *LBFGS))
    x, y = samples(name).parts["train"]
    logits = x.double() @ state["network.output.weight"].T + state["network.output.bias"]
    loss = torch.nn.functional.cross_entropy(logits, y)
    best = LogisticRegression(C=float("inf"), tol=1e-10, max_iter=10_000).fit(x.double().numpy(), y.numpy())
    assert loss.item() == pytest.approx(log_loss(y.numpy(), best.predict_proba(x.double().numpy())), abs=1e-4)


def excess(machine, data, w, b):
    """How far the objective of a primal machine lies above scikit-learn's, relative to it."""
    x, y = (values.double() if values.is_floating_point() else values for values in data.parts["train"])
    svc = SVC(kernel="linear", C=machine.C, tol=1e-5).fit(x.numpy(), y.numpy())

    def objective(w, b):
        machine.double().hyperplanes.load_state_dict({"weight": w, "bias": b})
        return machine.objective(x, y).item()

    ours = objective(w, b)
    best = objective(torch.tensor(svc.coef_), torch.tensor(svc.intercept_))
    return ours / best - 1


def test_batches_bring_the_primal_machine_to_scikit_learns_objective(train):
    steps = ("optimizer.lr=0.05", "scheduler=cosine", "trainer.max_epochs=150", "data.val_fraction=0")
    done = train("model=svm", "data=moons", *steps)
    state, data = weights(done), samples("moons")
    machine = SVM(data.spec)
    assert abs(excess(machine, data, state["network.hyperplanes.weight"], state["network.hyperplanes.bias"])) <= 1e-3
    dual = train("model=kernel_svm", "model.kernel=linear", "data=moons", "data.val_fraction=0").summary["metrics"]
    primal = done.summary["metrics"]
    assert primal["test/accuracy"] == pytest.approx(dual["test/accuracy"], abs=0.005)
    assert primal["test/loss"] == pytest.approx(dual["test/loss"], abs=0.005)
