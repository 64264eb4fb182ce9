"""MiniROCKET: random convolutions, then a ridge regression; the usual baseline for signals.

    φ  = share of the positions t with (x ∗ w)(t) > b, for each of some 10,000 pairs (w, b)
    ŷ  = φW + c,    J(W, c) = Σᵢ ‖ŷᵢ − yᵢ‖² + α ‖σW‖²,    σ the standard deviation of φ

w has nine weights, three of them 2 and six −1, in all 84 arrangements, at several dilations and over random channels; b
are quantiles of x ∗ w for training signals drawn at random. y is 1 for a class and −1 for the others. α is the best of
ten by leave-one-out. Source: Dempster, Schmidt & Webb 2021, "MiniRocket", https://arxiv.org/abs/2012.08791.

Dimensions: N training signals, B batch, L positions, C channels, D dilations, K outputs.
"""

from itertools import combinations

import numpy as np
import torch
from hyperplane import DataSpec, UserError
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 9  # of a kernel
KERNELS = torch.full((84, WIDTH), -1.0).scatter(1, torch.tensor([*combinations(range(WIDTH), 3)]), 2.0)
MOST_DILATIONS, MOST_CHANNELS = 32, 9  # of a kernel
AT_ONCE = 2**24  # values of convolutions


class Rocket(nn.Module):
    """Untrained features of signals, and a linear model on them that is solved in closed form.

    Raises:
        UserError: the data are not signals.
    """

    solved_at_once = True
    uses: Tensor
    biases: Tensor

    def __init__(
        self,
        spec: DataSpec,
        num_features: PositiveInt = 9996,  # pairs (w, b); at least one for each of the 84 kernels is made
    ) -> None:
        super().__init__()
        if len(spec.input_shape) != 2 or spec.num_tokens:
            raise UserError(f"model=rocket needs signals (positions, channels), not the shape {spec.input_shape}")
        length, channels = spec.input_shape
        self.spec = spec
        each = max(1, num_features // len(KERNELS))
        longest = np.log2(max(1, (length - 1) / (WIDTH - 1)))
        spread = np.logspace(0, longest, min(each, MOST_DILATIONS), base=2).astype(int)
        self.dilations, counts = np.unique(np.resize(spread, each), return_counts=True)
        ends = np.cumsum(counts)
        self.columns = [slice(*ends_of) for ends_of in zip(ends - counts, ends, strict=True)]  # of b at each dilation
        few = 2 ** (torch.rand(len(counts), len(KERNELS), 1) * np.log2(min(channels, MOST_CHANNELS) + 1))
        ranks = torch.rand(len(counts), len(KERNELS), channels).argsort(dim=2)
        self.register_buffer("uses", (ranks < few.long()).float())  # which channels (D, 84, C)
        self.register_buffer("biases", torch.zeros(len(KERNELS), each))
        self.output = nn.Linear(self.biases.numel(), spec.output_size)

    @torch.no_grad()
    def solve(self, inputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Draw the biases, and fit training signals (N, L, C) to classes (N,), labels or values (N, K)."""
        from sklearn.linear_model import RidgeCV  # takes a second to import

        inputs = inputs.to(torch.promote_types(self.biases.dtype, torch.float32))  # quantiles need that
        golden = (1 + 5**0.5) / 2
        levels = (torch.arange(1, self.biases.numel() + 1, device=inputs.device) * golden % 1).view_as(self.biases)
        for number, columns in enumerate(self.columns):
            for k, drawn in enumerate(torch.randint(len(inputs), (len(KERNELS),)).tolist()):
                signal = inputs[drawn] if mask is None else inputs[drawn, mask[drawn]]
                values = self.convolved(signal.T[None], number)[0, k]
                self.biases[k, columns] = torch.quantile(values, levels[k, columns].to(values)).to(self.biases)
        features = self.features(inputs, mask).double()
        std = torch.where((std := features.std(dim=0, correction=0)) > 0, std, 1.0)
        if self.spec.task == "classification":
            targets = functional.one_hot(targets, self.spec.output_size)
        values = targets.double() if self.spec.task == "regression" else 2 * targets.double() - 1
        ridge = RidgeCV(np.logspace(-3, 3, 10)).fit((features / std).cpu().numpy(), values.cpu().numpy())
        self.output.weight.copy_(torch.from_numpy(np.atleast_2d(ridge.coef_)).to(std) / std)
        self.output.bias.copy_(torch.from_numpy(np.atleast_1d(ridge.intercept_)))

    def convolved(self, x: Tensor, number: int) -> Tensor:
        """Return signals (B, C, L), padded with zeros, convolved with the kernels at a dilation: (B, 84, L)."""
        dilation = int(self.dilations[number])
        weights = KERNELS.to(x)[:, None] * self.uses[number][..., None]
        return functional.conv1d(x, weights, padding=WIDTH // 2 * dilation, dilation=dilation)

    def features(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return φ (B, features) of signals (B, L, C), in parts that fit into memory."""
        mask = torch.ones_like(x[..., 0], dtype=torch.bool) if mask is None else mask
        if torch.compiler.is_compiling():
            return self.shares(x, mask)
        size = max(1, AT_ONCE // (len(KERNELS) * x.shape[1]))
        return torch.cat([self.shares(*part) for part in zip(x.split(size), mask.split(size), strict=True)])

    def shares(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return φ (B, features); every second kernel leaves out the positions where it overlaps the padding."""
        lengths, steps = mask.sum(dim=1)[:, None, None], torch.arange(x.shape[1], device=x.device)
        x = x.masked_fill(~mask[..., None], 0).transpose(1, 2)
        found = []
        for number, columns in enumerate(self.columns):
            is_inner = (torch.arange(len(KERNELS), device=x.device)[:, None] + number) % 2
            margin = is_inner * (WIDTH // 2 * int(self.dilations[number]))
            counts = (steps >= margin) & (steps < lengths - margin)  # (B, 84, L)
            h, total = self.convolved(x, number), counts.sum(dim=2).clamp(min=1)
            found += [((h > b[:, None]) & counts).sum(dim=2) / total for b in self.biases[:, columns].T]
        return torch.stack(found, dim=2).flatten(1).to(x.dtype)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map signals (B, L, C), with a mask (B, L) if lengths differ, to outputs (B, K)."""
        return self.output(self.features(x, mask))
