"""Any classifier or regressor of scikit-learn, by name: a baseline on the same data, with the same metrics.

A classifier's outputs are log p for each class, or its decision function if it has no probabilities. If it has neither,
p is almost 1 for the predicted class. A regressor's outputs are its values.

Dimensions: N training samples, B batch, D input features, K outputs.
"""

from typing import Any

import numpy as np
import torch
from hyperplane import DataSpec, UserError
from hyperplane.networks.estimators import make_estimator, read_estimator, write_estimator
from hyperplane.processes.fitting import fitted
from numpy.typing import NDArray
from torch import Tensor, nn

SMALLEST = 1e-7  # a probability of 0 would make the loss of one error infinite


class Sklearn(nn.Module):
    """An estimator that is fitted once, to all training samples. Inputs of any shape are flattened to D features.

    Raises:
        UserError: there is no such estimator for these data, or it does not accept these parameters.
    """

    solved_at_once = True

    def __init__(
        self,
        spec: DataSpec,
        # A class by its name, or in snake case without Classifier or Regressor: random_forest, k_neighbors
        estimator: str = "random_forest",
        # Arguments of the class, under its names; unless given, its random_state follows from the seed of the run
        parameters: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.is_classifier = spec.task == "classification"
        self.output_size = spec.output_size
        self.estimator = make_estimator(estimator, spec.task, parameters or {}, torch.initial_seed() % 2**32)

    def solve(self, inputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Fit training inputs (N, *input_shape) to classes (N,) or values (N, K); padding is 0.

        Raises:
            UserError: the estimator refuses its parameters, or these data.
        """
        is_single = targets.ndim == 2 and targets.shape[1] == 1  # scikit-learn expects a single target as (N,)
        try:
            values = (targets[:, 0] if is_single else targets).cpu().numpy()
            self.estimator = fitted(self.estimator, as_array(inputs), values)
        except (ValueError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"model.estimator={type(self.estimator).__name__}: {reason}") from None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map inputs (B, *input_shape) to outputs (B, K)."""
        rows = as_array(x)
        outputs = self.scores(rows) if self.is_classifier else self.estimator.predict(rows).reshape(len(rows), -1)
        return torch.from_numpy(outputs.astype(np.float32)).to(x.device)

    def scores(self, rows: NDArray[np.float32]) -> NDArray[Any]:
        """Return log p or the decision function (B, K) for rows (B, D)."""
        classes = self.estimator.classes_  # those that occurred in training
        if hasattr(self.estimator, "predict_proba"):
            known = np.log(self.estimator.predict_proba(rows).clip(SMALLEST, 1))
        else:
            known = np.log((self.estimator.predict(rows)[:, None] == classes).clip(SMALLEST, 1))
            of_pairs = getattr(self.estimator, "decision_function_shape", "ovr") == "ovo"
            if hasattr(self.estimator, "decision_function") and not of_pairs:
                decision = self.estimator.decision_function(rows).reshape(len(rows), -1)
                known = np.concatenate([-decision, decision], axis=1) if decision.shape[1] == 1 else decision
        scores = np.tile(known.min(axis=1, keepdims=True), (1, self.output_size))
        scores[:, classes] = known
        return scores

    def get_extra_state(self) -> Tensor:
        """Return the fitted estimator as bytes."""
        return write_estimator(self.estimator)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore a fitted estimator from a checkpoint.

        Raises:
            UserError: it is of another class than the settings name.
        """
        estimator = read_estimator(state)
        if type(estimator) is not type(self.estimator):
            found, expected = type(estimator).__name__, type(self.estimator).__name__
            raise UserError(f"the checkpoint holds a {found}, but model.estimator={expected}: it is not loaded")
        self.estimator = estimator


def as_array(inputs: Tensor) -> NDArray[np.float32]:
    """Return inputs (B, *input_shape) as rows (B, D)."""
    numbers = inputs.flatten(1).cpu()
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32)).numpy()  # NumPy has no bfloat16
