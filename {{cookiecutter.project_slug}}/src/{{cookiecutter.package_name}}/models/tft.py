"""The Temporal Fusion Transformer: quantiles of the next steps of a series, and how much each input contributed.

    static variables → context for all that follows           past and future variables → one vector a step
    → LSTM over the steps → enrichment by the context → attention to all earlier steps → quantiles

Source: Lim, Arık, Loeff & Pfister 2021, "Temporal Fusion Transformers for Interpretable Multi-horizon Time Series
Forecasting", https://arxiv.org/abs/1912.09363; the numbers of equations are those of the paper.

Dimensions: B batch, E encoder steps, H decoder steps, T = E + H, S static variables, V variables of a step,
D hidden size, N heads, A = D / N size of a head, Q quantiles.
"""

from functools import partial
from typing import Annotated, NamedTuple

import torch
from hyperplane import DataSpec
from hyperplane.networks.flat_windows import begin_at_naive, require_panel
from hyperplane.setting_types import Divides, Dropout
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional


class Explanation(NamedTuple):
    """Forecasts of a batch and the weights that led to them, which are ≥ 0 and sum to 1 over their last dimension."""

    quantiles: Tensor  # (B, H, Q)
    static_weights: Tensor  # (B, S), of the static variables
    past_weights: Tensor  # (B, E, V), of the variables in each step: known and observed reals, target, categoricals
    future_weights: Tensor  # (B, H, V), known reals and categoricals
    attention: Tensor  # (B, H, T), of each forecast step to all steps, mean over the heads


class LinearPerVariable(nn.Module):
    """One affine map for each of V variables: (…, V, inputs) → (…, V, outputs), all in one product of matrices."""

    def __init__(self, variables: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5  # as in nn.Linear
        self.weight = nn.Parameter(torch.empty(variables, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(variables, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map each variable by its own weights."""
        return torch.einsum("...vi,vio->...vo", x, self.weight) + self.bias


class NormPerVariable(nn.Module):
    """Layer normalisation with a gain and a shift for each of V variables: (…, V, D) → (…, V, D)."""

    def __init__(self, variables: int, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(variables, size))
        self.shift = nn.Parameter(torch.zeros(variables, size))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise over D."""
        return functional.layer_norm(x, x.shape[-1:]) * self.gain + self.shift


class GatedSum(nn.Module):
    """LayerNorm(a + GLU(γ)), GLU(γ) = σ(W₄γ + b₄) ⊙ (W₅γ + b₅): the gate can suppress γ. Equations 2 and 5.

    Args:
        inputs: size of γ.
        size: of a and the result.
        dropout: of γ in training.
        variables: V, if each variable has weights of its own.
    """

    def __init__(self, inputs: int, size: int, dropout: float = 0.0, variables: int | None = None) -> None:
        super().__init__()
        linear = nn.Linear if variables is None else partial(LinearPerVariable, variables)
        self.dropout = nn.Dropout(dropout)
        self.gate = linear(inputs, 2 * size)
        bound = (6 / (inputs + 2 * size)) ** 0.5  # Glorot & Bengio 2010
        nn.init.uniform_(self.gate.weight, -bound, bound)
        nn.init.zeros_(self.gate.bias)
        self.norm = nn.LayerNorm(size) if variables is None else NormPerVariable(variables, size)

    def forward(self, a: Tensor, gamma: Tensor) -> Tensor:
        """Add the gated γ to a, and normalise."""
        value, gate = self.gate(self.dropout(gamma)).chunk(2, dim=-1)
        return self.norm(a + value * gate.sigmoid())


class GRN(nn.Module):
    """Gated residual network: a, plus a nonlinear map of (a, c) behind a gate. Equations 2 to 4.

        GRN(a, c) = LayerNorm(a + GLU(η₁)),  η₁ = W₁η₂ + b₁,  η₂ = ELU(W₂a + W₃c + b₂)

    Args:
        inputs: size of a; if the result has another size, a linear map of a is added instead.
        hidden: size of η₁ and η₂.
        outputs: size of the result.
        dropout: of η₁ in training.
        context: size of c; 0: no context.
        variables: V, if each variable has weights of its own.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        dropout: float,
        context: int = 0,
        variables: int | None = None,
    ) -> None:
        super().__init__()
        linear = nn.Linear if variables is None else partial(LinearPerVariable, variables)
        self.skip = nn.Identity() if inputs == outputs else linear(inputs, outputs)
        self.first = linear(inputs, hidden)
        self.context = nn.Linear(context, hidden, bias=False) if context else None
        self.second = linear(hidden, hidden)
        # He et al. 2015. torch's default initial weights are 2.4 times smaller and lead to validation losses 4 and
        # 14 % higher on data=demand (600 steps, lr 0.005, two seeds).
        for layer, fan_in in ((self.first, inputs), (self.second, hidden)):
            nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5)
            nn.init.zeros_(layer.bias)
        self.gated_sum = GatedSum(hidden, outputs, dropout, variables)

    def forward(self, a: Tensor, c: Tensor | None = None) -> Tensor:
        """Map a (…, inputs) and c, which is broadcast to it, to (…, outputs)."""
        eta = self.first(a)
        if self.context is not None and c is not None:
            eta = eta + self.context(c)
        eta = self.second(functional.elu(eta))
        return self.gated_sum(self.skip(a), eta)


class VariableSelection(nn.Module):
    """A weighted sum of the variables; the weights depend on all of them and on the context.

        v = softmax(GRN(Ξ, c))   (6)        ξ̃ⱼ = GRNⱼ(ξⱼ)   (7)        ξ̃ = Σⱼ vⱼ ξ̃ⱼ   (8)

    Args:
        variables: V; with 0 the sum is zero.
        size: D.
        dropout: in training.
        context: size of c; 0: no context.
    """

    def __init__(self, variables: int, size: int, dropout: float, context: int = 0) -> None:
        super().__init__()
        self.variables = variables
        if variables:
            self.weigh = GRN(variables * size, size, variables, dropout, context)
            self.transform = GRN(size, size, size, dropout, variables=variables)

    def forward(self, variables: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the sum (…, D) and the weights (…, V) of variables (…, V, D)."""
        if not self.variables:
            return variables.sum(dim=-2), variables[..., 0]
        weights = self.weigh(variables.flatten(-2), context).softmax(dim=-1)
        return torch.einsum("...v,...vd->...d", weights, self.transform(variables)), weights


class Embedding(nn.Module):
    """A vector for each variable: ξ = w x + b of a real one, a row of a table for a category.

    Args:
        reals: number of real variables.
        cardinalities: categories of each categorical variable.
        size: D.
    """

    def __init__(self, reals: int, cardinalities: list[int], size: int) -> None:
        super().__init__()
        self.offsets: Tensor  # of each variable's rows in the table, which all share
        if cardinalities:  # no empty buffer: torch.export cannot save one
            self.register_buffer("offsets", torch.tensor([0, *cardinalities[:-1]]).cumsum(0))
        self.real = LinearPerVariable(reals, 1, size) if reals else None
        self.category = nn.Embedding(sum(cardinalities), size) if cardinalities else None
        self.size = size

    def forward(self, reals: Tensor, categoricals: Tensor) -> Tensor:
        """Map reals (…, R) and categoricals (…, C), the first of each kind, to (…, R + C, D)."""
        r, c = reals.shape[-1], categoricals.shape[-1]
        vectors = [reals.new_zeros(*reals.shape[:-1], 0, self.size)]
        if self.real is not None and r:
            vectors.append(reals[..., None] * self.real.weight[:r, 0] + self.real.bias[:r])
        if self.category is not None and c:
            vectors.append(self.category(categoricals + self.offsets[:c]))
        return torch.cat(vectors, dim=-2)


class InterpretableAttention(nn.Module):
    """Attention whose heads share their values, so that the mean of their weights says what was attended to.

        A(Q, K) = softmax(QKᵀ/√A)   (10)        (1/N Σₙ A(QWₙ, KUₙ)) V W_V W_H   (13 to 16)

    A step attends to itself and to what comes before it.

    Args:
        size: D.
        num_heads: N, a divisor of D.
        dropout: of the weights in training.
    """

    def __init__(self, size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key = nn.Linear(size, size), nn.Linear(size, size)
        self.value = nn.Linear(size, size // num_heads)
        self.output = nn.Linear(size // num_heads, size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, queries: int) -> tuple[Tensor, Tensor]:
        """Return what the last `queries` of steps (B, T, D) attend to (B, queries, D), and the attention weights."""
        total = steps.shape[1]
        query = self.query(steps[:, -queries:]).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, N, H, A)
        key = self.key(steps).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (B, N, T, A)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # (B, N, H, T)
        later = torch.ones(queries, total, dtype=torch.bool, device=steps.device).triu(total - queries + 1)
        weights = self.dropout(scores.masked_fill(later, -torch.inf).softmax(dim=-1)).mean(dim=1)  # (B, H, T)
        return self.output(weights @ self.value(steps)), weights


class TFT(nn.Module):
    """The Temporal Fusion Transformer, for a panel.

    Raises:
        UserError: the data are not a panel.
    """

    forecasts = True  # reads windows of a panel

    def __init__(
        self,
        spec: DataSpec,
        hidden_size: PositiveInt = 16,  # D, of every layer
        num_heads: Annotated[PositiveInt, Divides("hidden_size")] = 4,  # N of the attention; a divisor of hidden_size
        dropout: Dropout = 0.1,  # probability that a value in front of a gate, or an attention weight, is set to zero
    ) -> None:
        super().__init__()
        panel, size = require_panel(spec, "tft"), hidden_size
        self.known = len(panel.known_reals), len(panel.known_categoricals)
        grn = partial(GRN, size, size, size, dropout)

        categories = panel.cardinalities
        self.embed_static = Embedding(0, [categories[name] for name in panel.static_categoricals], size)
        self.embed_step = Embedding(len(panel.reals), [categories[name] for name in panel.categoricals], size)
        self.select_static = VariableSelection(len(panel.static_categoricals), size, dropout)
        self.select_past = VariableSelection(len(panel.reals) + len(panel.categoricals), size, dropout, size)
        self.select_future = VariableSelection(sum(self.known), size, dropout, size)

        # The contexts from static variables: c_s, c_h, c_c and c_e of section 4.3.
        self.context_selection, self.context_hidden, self.context_cell, self.context_enrichment = (
            grn(),
            grn(),
            grn(),
            grn(),
        )

        self.encoder = nn.LSTM(size, size, batch_first=True)
        self.decoder = nn.LSTM(size, size, batch_first=True)
        self.gate_recurrent = GatedSum(size, size, dropout)
        self.enrich = grn(context=size)
        self.attention = InterpretableAttention(size, num_heads, dropout)
        self.gate_attention = GatedSum(size, size, dropout)
        self.feed_forward = grn()
        self.gate_output = GatedSum(size, size)
        self.output = nn.Linear(size, spec.output_size)
        begin_at_naive(self.output, spec)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map the inputs of windows, see `Windows`, to quantiles (B, H, Q) of the standardised target."""
        return self.explain(*inputs).quantiles

    def explain(
        self,
        static: Tensor,
        past_reals: Tensor,
        past_categoricals: Tensor,
        future_reals: Tensor,
        future_categoricals: Tensor,
    ) -> Explanation:
        """Return the forecasts and the weights that led to them."""
        horizon = future_reals.shape[1]
        no_reals = past_reals.new_zeros(static.shape[0], 0)
        zeta, static_weights = self.select_static(self.embed_static(no_reals, static))  # (B, D)

        context = self.context_selection(zeta)[:, None]  # c_s (B, 1, D)
        past, past_weights = self.select_past(self.embed_step(past_reals, past_categoricals), context)
        future, future_weights = self.select_future(self.embed_step(future_reals, future_categoricals), context)

        state = self.context_hidden(zeta)[None], self.context_cell(zeta)[None]  # c_h, c_c (1, B, D)
        past_phi, state = self.encoder(past, state)
        future_phi, _ = self.decoder(future, state)
        phi = self.gate_recurrent(torch.cat([past, future], 1), torch.cat([past_phi, future_phi], 1))  # (17)

        theta = self.enrich(phi, self.context_enrichment(zeta)[:, None])  # (18), with c_e
        beta, attention = self.attention(theta, horizon)  # (19)
        delta = self.gate_attention(theta[:, -horizon:], beta)  # (20)
        psi = self.feed_forward(delta)  # (21)
        quantiles = self.output(self.gate_output(phi[:, -horizon:], psi))  # (22), (23)
        return Explanation(quantiles, static_weights, past_weights, future_weights, attention)
