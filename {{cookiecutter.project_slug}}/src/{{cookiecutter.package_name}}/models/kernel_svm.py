"""The support vector machine with a kernel, in its dual form.

    max  Σ αᵢ − ½ ΣΣ αᵢ αⱼ yᵢ yⱼ K(xᵢ, xⱼ),   0 ≤ αᵢ ≤ C,   Σ αᵢ yᵢ = 0
    f(x) = Σ αᵢ yᵢ K(xᵢ, x) + b

    K(x, z)   rbf: exp(−γ ‖x − z‖²)   linear: xᵀz   polynomial: (γ xᵀz + c)^d

A kernel K is the inner product of two samples in the space that it maps them to (Boser, Guyon & Vapnik 1992).
Only the support vectors, the samples with αᵢ > 0, matter for f: those on the margins f = ±1 (αᵢ < C) and those beyond
(αᵢ = C). It is solved, not trained in steps: see `smo.py`.

More than two classes are separated one-vs-one, by K (K − 1) / 2 machines. The class with the most votes is predicted;
of classes with equally many votes, the one with the largest sum of margins (in scikit-learn: break_ties=True).

Source: Cortes & Vapnik 1995, "Support-Vector Networks"; Knerr et al. 1990 for one-vs-one.

Dimensions: N training samples, B batch, D input features, K classes, P pairs of classes, S support vectors.
"""

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import torch
from hyperplane import DataSpec, UserError
from hyperplane.losses.from_spec import weight_of_classes
from loguru import logger
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from ..losses.hinge import Hinge
from .smo import solve_dual

LARGEST = 20_000  # samples; their kernel matrix takes 3.2 GB
SOLVED = ("support_vectors", "support_indices", "coefficients", "biases", "dual_objectives")


@dataclass(frozen=True)
class Kernel:
    """A kernel with its parameters.

    Args:
        name: rbf, linear or polynomial.
        gamma: γ > 0.
        degree: d ≥ 1, of the polynomial.
        coef0: c, of the polynomial.
    """

    name: str
    gamma: float
    degree: int
    coef0: float

    def __call__(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the kernel matrix (N, M) of samples (N, D) and (M, D)."""
        products = x @ z.T
        if self.name == "linear":
            return products
        if self.name == "polynomial":
            return products.mul_(self.gamma).add_(self.coef0).pow_(self.degree)
        # ‖x − z‖² = ‖x‖² + ‖z‖² − 2 xᵀz, in place: for many samples this matrix is most of the memory.
        distances = products.mul_(-2).add_(x.square().sum(1, keepdim=True)).add_(z.square().sum(1))
        return distances.clamp_(min=0).mul_(-self.gamma).exp_()


class KernelSVM(nn.Module):
    """A sum over support vectors. Inputs of any shape are flattened to D features.

    Raises:
        UserError: the data have no classes, or too many samples.
    """

    default_loss = Hinge
    solved_at_once = True

    def __init__(
        self,
        spec: DataSpec,
        C: PositiveFloat = 1.0,  # upper bound of α; the larger, the fewer samples violate their margin
        kernel: Literal["rbf", "linear", "polynomial"] = "rbf",  # K, the similarity of two samples
        gamma: PositiveFloat | Literal["scale"] = "scale",  # γ of the kernel; scale: 1 / (D · variance of the inputs)
        degree: PositiveInt = 3,  # of the polynomial
        coef0: float = 0.0,  # c of the polynomial
        # w of each class, whose largest α is then wC; balanced: inversely proportional to its samples
        class_weights: tuple[PositiveFloat, ...] | Literal["balanced"] | None = None,
        tolerance: PositiveFloat = 1e-3,  # how far the optimality conditions may be violated, in units of f
        max_iterations: PositiveInt = 1_000_000,  # of the solver, for each pair of classes
    ) -> None:
        super().__init__()
        if spec.task != "classification":
            raise UserError(
                f"model=kernel_svm separates classes, but these data are for {spec.task}. Try model=mlp, model=sklearn."
            )
        if spec.train_size > LARGEST:
            raise UserError(
                f"model=kernel_svm keeps a number for each pair of its training samples, so it takes at most {LARGEST} "
                f"of them; these data have {spec.train_size}. Try model=svm, which is linear, or model=mlp."
            )
        self.settings = (kernel, gamma, degree, coef0)
        self.C, self.tolerance, self.max_iterations = C, tolerance, max_iterations
        self.pairs = list(combinations(range(spec.output_size), 2))
        weights = weight_of_classes(spec, class_weights, "model.class_weights")
        self.weights = torch.ones(spec.output_size) if weights is None else weights
        votes = torch.zeros(len(self.pairs), spec.output_size)  # (P, K): the sign of f says which class gets it
        for p, (a, b) in enumerate(self.pairs):
            votes[p, a], votes[p, b] = -1, 1
        self.votes: Tensor
        self.register_buffer("votes", votes, persistent=False)
        # What `solve` finds. Its size is not known before, so checkpoints keep it as extra state.
        self.kernel: Kernel | None = None
        self.support_vectors: Tensor
        self.support_indices: Tensor
        self.coefficients: Tensor
        self.biases: Tensor
        self.dual_objectives: Tensor
        for name in SOLVED:
            self.register_buffer(name, torch.empty(0), persistent=False)

    def solve(self, inputs: Tensor, targets: Tensor) -> None:
        """Find the support vectors among training inputs (N, *input_shape) of classes (N,)."""
        name, gamma, degree, coef0 = self.settings
        x, targets = inputs.flatten(1).cpu().double(), targets.cpu()
        kernel = Kernel(name, scale_gamma(x) if gamma == "scale" else float(gamma), degree, coef0)
        beta = torch.zeros(len(self.pairs), len(x), dtype=torch.float64)
        biases, objectives = torch.zeros(2, len(self.pairs), dtype=torch.float64)
        for p, (a, b) in enumerate(self.pairs):
            members = ((targets == a) | (targets == b)).nonzero().flatten()
            y = (targets[members] == b).double() * 2 - 1
            if y.unique().numel() < 2:  # a class without training samples gets no vote
                biases[p] = y.sum().sign()
                continue
            limit = self.C * self.weights[targets[members]].double()
            solution = solve_dual(kernel(x[members], x[members]), y, limit, self.tolerance, self.max_iterations)
            beta[p, members], biases[p], objectives[p] = solution
        support = beta.any(dim=0).nonzero().flatten()
        found = (x[support], support, beta[:, support], biases, objectives)
        self.keep(kernel, dict(zip(SOLVED, found, strict=True)))
        logger.info("{} of {} training samples are support vectors", len(support), len(x))

    def keep(self, kernel: Kernel, found: dict[str, Tensor]) -> None:
        """Store a solution on the device of the module."""
        self.kernel = kernel
        for name, tensor in found.items():
            is_coarse = self.votes.device.type == "mps" and tensor.is_floating_point()  # it has no double precision
            setattr(self, name, (tensor.float() if is_coarse else tensor).to(self.votes.device))

    def get_extra_state(self) -> dict[str, Any]:
        """Return the solution as tensors and plain values."""
        found = {name: getattr(self, name) for name in SOLVED}
        return {"kernel": None if self.kernel is None else asdict(self.kernel), **found}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore a solution from a checkpoint."""
        if state["kernel"] is not None:
            self.keep(Kernel(**state["kernel"]), {name: state[name] for name in SOLVED})

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to outputs (B, K).

        Two classes: −f and f. More: votes for a class minus votes against it, with the sum of margins squeezed into ±⅔
        to break ties; the constant puts a class with all of its votes above 0, and all others below.
        """
        f = self.margins(x)  # (B, P)
        if len(self.pairs) == 1:
            return torch.cat([-f, f], dim=1)
        margins, score = f @ self.votes, f.sign() @ self.votes  # (B, K)
        return score + 2 - self.votes.shape[1] + margins / (1.5 * (1 + margins.abs()))

    def margins(self, x: Tensor) -> Tensor:
        """Return f (B, P) of each pair of classes, positive for the second one."""
        assert self.kernel is not None, "solve comes first"
        products = self.kernel(x.flatten(1).to(self.support_vectors), self.support_vectors)  # (B, S)
        return (products @ self.coefficients.T + self.biases).to(self.votes.dtype)

    def decision(self, inputs: Tensor) -> Tensor:
        """Return f (B,) of two classes: 0 on the boundary, ±1 on the margins, positive for class 1."""
        return self.margins(inputs)[:, 0]


def scale_gamma(x: Tensor) -> float:
    """Return γ = 1 / (D · variance of all entries) for samples (N, D), as scikit-learn's gamma="scale"."""
    variance = float(torch.var(x, correction=0))
    return 1 / (x.shape[1] * variance) if variance > 0 else 1.0
