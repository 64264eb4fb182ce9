"""The focal loss, Lin et al. 2017: what is classified well already counts less."""

from torch import Tensor, nn


class Focal(nn.Module):
    """−(1 − pₜ)^γ log pₜ, with pₜ the probability of the true class; γ = 0 is the cross-entropy."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of logits (B, K) for class numbers (B,)."""
        log_p = outputs.log_softmax(dim=1).gather(1, targets[:, None])
        return -((1 - log_p.exp()) ** self.gamma * log_p).mean()
