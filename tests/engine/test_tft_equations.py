"""The parts of the Temporal Fusion Transformer are the equations of its paper, written out in NumPy."""

import numpy as np
import torch

from my_research.models.tft import GRN, InterpretableAttention, VariableSelection

B, T, V, D = 4, 7, 3, 6


def array(values):
    return values.detach().numpy()


def random_weights(module):
    """A module in double precision whose weights, biases, gains and shifts are random: none of them is 0 or 1."""
    torch.manual_seed(0)
    module = module.double().eval()
    for value in module.parameters():
        torch.nn.init.normal_(value)
    return module


def normalised(x, gain, shift):
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)  # torch's epsilon
    return (x - x.mean(axis=-1, keepdims=True)) / spread * gain + shift


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def gated_residual(grn, a, c=None):
    """Equations 2 to 5, where the sum takes a linear map of a if the result has another size."""
    z = a @ array(grn.first.weight).T + array(grn.first.bias) + (0 if c is None else c @ array(grn.context.weight).T)
    eta_2 = np.where(z > 0, z, np.expm1(z))
    eta_1 = eta_2 @ array(grn.second.weight).T + array(grn.second.bias)
    gate = grn.gated_sum.gate
    W_5, W_4 = np.split(array(gate.weight), 2)
    b_5, b_4 = np.split(array(gate.bias), 2)
    glu = (eta_1 @ W_5.T + b_5) / (1 + np.exp(-(eta_1 @ W_4.T + b_4)))
    skip = a if isinstance(grn.skip, torch.nn.Identity) else a @ array(grn.skip.weight).T + array(grn.skip.bias)
    return normalised(skip + glu, array(grn.gated_sum.norm.weight), array(grn.gated_sum.norm.bias))


def test_a_gated_residual_network_is_equations_2_to_5():
    grn = random_weights(GRN(D, 5, V, dropout=0.1, context=2))
    a, c = torch.randn(B, D, dtype=torch.float64), torch.randn(B, 2, dtype=torch.float64)
    np.testing.assert_allclose(array(grn(a, c)), gated_residual(grn, array(a), array(c)), atol=1e-12)


def test_variables_are_selected_by_equations_6_to_8():
    select = random_weights(VariableSelection(V, D, dropout=0.1, context=2))
    xi, c = torch.randn(B, V, D, dtype=torch.float64), torch.randn(B, 2, dtype=torch.float64)
    weights = softmax(gated_residual(select.weigh, array(xi).reshape(B, V * D), array(c)))
    total = 0
    for j in range(V):  # each variable has weights of its own
        own = random_weights(GRN(D, D, D, dropout=0.1))
        each = select.transform
        for layer, stacked in (
            (own.first, each.first),
            (own.second, each.second),
            (own.gated_sum.gate, each.gated_sum.gate),
        ):
            layer.weight.data, layer.bias.data = stacked.weight[j].T, stacked.bias[j]
        own.gated_sum.norm.weight.data, own.gated_sum.norm.bias.data = (
            each.gated_sum.norm.gain[j],
            each.gated_sum.norm.shift[j],
        )
        total = total + weights[:, j : j + 1] * gated_residual(own, array(xi)[:, j])
    found, found_weights = select(xi, c)
    np.testing.assert_allclose(array(found_weights), weights, atol=1e-12)
    np.testing.assert_allclose(array(found), total, atol=1e-12)


def test_attention_is_equations_10_and_13_to_16():
    heads, queries = 2, 3
    attention = random_weights(InterpretableAttention(D, heads, dropout=0.1))
    steps = torch.randn(B, T, D, dtype=torch.float64)
    x, A = array(steps), D // heads
    q, k, v = (
        x @ array(layer.weight).T + array(layer.bias) for layer in (attention.query, attention.key, attention.value)
    )
    weights = np.zeros((B, queries, T))
    for n in range(heads):
        for row, t in enumerate(range(T - queries, T)):
            seen = slice(n * A, (n + 1) * A)
            products = np.einsum("ba,bsa->bs", q[:, t, seen], k[:, : t + 1, seen]) / np.sqrt(A)
            weights[:, row, : t + 1] += softmax(products) / heads
    found, found_weights = attention(steps, queries)
    np.testing.assert_allclose(array(found_weights), weights, atol=1e-12)
    np.testing.assert_allclose(array(found), weights @ v @ array(attention.output.weight).T, atol=1e-12)
