import marimo

app = marimo.App(width="medium", app_title="Lab 7: memory and attention")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ask, checked, stated
    from exercises import check_lstm_step
    from hyperplane import DataSpec
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from {{ cookiecutter.package_name }}.models.rnn import RNN
    from {{ cookiecutter.package_name }}.models.transformer import Transformer, sinusoids

    SIGNALS = DataSpec(task="classification", input_shape=(40, 3), output_size=2)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 7: memory and attention

    Two ways to use what came before. A recurrent network carries a state along, and must decide at each step what to
    keep. Attention keeps
    everything, and decides afterwards where to look. About 35 minutes.

    ## A network unrolled

    $$h_t = \tanh(x_t W + h_{t-1} U + b), \qquad h_0 = 0$$

    The same W, U and b at every step. Written out over 40 steps it is a network of 40 layers whose weights are equal
    (Elman 1990).
    """)
    return


@app.cell
def _():
    torch.manual_seed(0)
    recurrent = RNN(
        SIGNALS, cell="rnn", hidden_size=6, bidirectional=False
    ).recurrent
    signals = torch.randn(5, 40, 3)
    W, U = recurrent.weight_ih_l0.T, recurrent.weight_hh_l0.T
    b = recurrent.bias_ih_l0 + recurrent.bias_hh_l0

    h = torch.zeros(5, 6)
    states = []
    for t in range(40):
        h = torch.tanh(signals[:, t] @ W + h @ U + b)
        states.append(h)
    difference = float((torch.stack(states, dim=1) - recurrent(signals)[0]).abs().max().detach())
    mo.md(
        f"Unrolled by hand beside `model=rnn model.cell=rnn`: the states of 40 steps differ by "
        f"{stated(0, difference, 1e-5)}, to five digits. "
        f"It has {stated(60, W.numel() + U.numel() + b.numel(), 0)} weights, however long the signal."
    )
    return (signals,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Gradients through time

    How much does the last state still depend on an early one? By the chain rule, on a product of as many Jacobians as
    there are steps between,
    each $\mathrm{diag}(1 - h_t^2)\,U^\top$ (for column vectors). Take for U a rotation times a number s: it makes
    every state s times as long, and turns it.
    """)
    return


@app.cell(hide_code=True)
def _():
    scale = mo.ui.slider(0.5, 1.5, 0.05, value=0.9, label="s, by which U stretches a state", show_value=True)
    mo.vstack(
        [
            ask(
                "s = 0.9 and s = 1.1, 40 steps, and small states, so that tanh hardly bends: what is left of the gradient "
                "at the first step?",
                "0.9⁴⁰ = 0.015 and 1.1⁴⁰ = 45. A factor that differs little from 1 differs much from 1 when it is applied "
                "40 times (Hochreiter 1991; "
                "Bengio, Simard and Frasconi 1994).",
            ),
            scale,
        ]
    )
    return (scale,)


@app.cell
def _(scale):
    def rotation(size: int) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]

    def gradients_in_time(step, inputs: Tensor, size: int) -> np.ndarray:
        """Return how much the last state depends on each one before it, the root mean square over all directions."""
        h = torch.zeros(1, size, dtype=torch.float64, requires_grad=True)
        states = [h]
        for x in inputs:
            states.append(step(x[None], states[-1]))
        sums = [torch.autograd.grad(states[-1][0, i], states[:-1], retain_graph=True) for i in range(size)]
        return np.array([sum(float((g[t] ** 2).sum()) for g in sums) / size for t in range(len(inputs))]) ** 0.5

    def plain_step(s: float, bends: bool = True):
        U = s * rotation(16)
        return lambda x, h: torch.tanh(x + h @ U) if bends else x + h @ U

    inputs = 0.3 * torch.randn(40, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def draw_time(s: float) -> Figure:
        figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
        before = np.arange(40, 0, -1)
        for bends, color, name in (
            (False, COLORS[0], "without tanh: s to the power of the steps"),
            (True, COLORS[1], "with tanh"),
        ):
            axes.semilogy(before, gradients_in_time(plain_step(s, bends), inputs, 16), color=color, label=name)
        axes.axhline(1, color="0.5", linewidth=1)
        axes.set(xlabel="steps before the last", ylabel="gradient left", title=f"s = {s:g}", ylim=(1e-13, 1e8))
        axes.invert_xaxis()
        axes.legend()
        axes.grid(alpha=0.3)
        return figure

    draw_time(scale.value)
    return gradients_in_time, inputs, plain_step


@app.cell
def _(gradients_in_time, inputs, plain_step):
    straight = {s: gradients_in_time(plain_step(s, bends=False), inputs, 16)[0] for s in (0.9, 1.1)}
    bent = {s: gradients_in_time(plain_step(s), inputs, 16)[0] for s in (0.9, 1.1, 1.5)}
    assert bent[0.9] < straight[0.9] and bent[1.1] < 1
    mo.md(
        f"Measured without tanh: {stated(0.0148, straight[0.9], 0.0001)} is left at s = 0.9, and "
        f"{stated(45.3, straight[1.1], 0.05)} at s = 1.1. "
        f"With tanh, whose slope is below 1 wherever the state is not 0, {stated(4.2, bent[0.9] * 1e5, 0.1)} · 10⁻⁵ "
        f"and {stated(0.0098, bent[1.1], 0.0001)}; "
        f"at s = 1.5 it explodes nevertheless, to {stated(15, bent[1.5], 0.2)}. A gradient that explodes can be cut "
        f"(`train trainer.gradient_clip_val=1`). One that has vanished is gone."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Gates

    The way out: carry the state over as it is, and let gates between 0 and 1 decide what changes. The GRU (Cho and
    others 2014) has two:

    $$r = \sigma(x W_r + h U_r + b_r), \qquad u = \sigma(x W_u + h U_u + b_u)$$
    $$n = \tanh(x W_n + b_n + r \odot (h U_n + c_n)), \qquad h' = (1 - u) \odot n + u \odot h$$

    With u = 1 the state stays, and so does its gradient: the step is the identity. With u = 0 and r = 0 all is
    forgotten.
    """)
    return


@app.cell
def _(signals):
    def gru_step(x: Tensor, h: Tensor, cell: nn.GRUCell) -> Tensor:
        from_x = (x @ cell.weight_ih.T + cell.bias_ih).chunk(3, dim=1)  # for r, u and n
        from_h = (h @ cell.weight_hh.T + cell.bias_hh).chunk(3, dim=1)
        r = torch.sigmoid(from_x[0] + from_h[0])
        u = torch.sigmoid(from_x[1] + from_h[1])
        n = torch.tanh(from_x[2] + r * from_h[2])
        return (1 - u) * n + u * h

    torch.manual_seed(0)
    cell = nn.GRUCell(3, 6)
    ours = theirs = torch.zeros(5, 6)
    for moment in range(40):
        ours, theirs = gru_step(signals[:, moment], ours, cell), cell(signals[:, moment], theirs)
    gru_difference = float((ours - theirs).abs().max().detach())
    return gru_difference, gru_step


@app.cell
def _(gradients_in_time, gru_difference, gru_step, inputs):
    def gated(bias: float) -> float:
        """Return what is left of the gradient after 40 steps of a GRU whose gate u has a bias."""
        torch.manual_seed(0)
        cell = nn.GRUCell(16, 16).double()
        with torch.no_grad():
            cell.bias_ih[16:32] += bias
        return gradients_in_time(lambda x, h: gru_step(x, h, cell), inputs, 16)[0]

    open_gate, shut_gate = gated(0.0), gated(5.0)
    mo.md(
        f"By hand and by torch, the states after 40 steps differ by {stated(0, gru_difference, 1e-5)}, to five "
        f"digits.\n\n"
        f"Of the gradient, 10 to the power of {stated(-8.9, np.log10(open_gate), 0.05)} is left after 40 steps with "
        f"random first weights: u is near ½ there, and about half of "
        f"the state is lost at each step. With a bias of 5 on u it is {stated(0.75, shut_gate, 0.01)}. Gates make "
        f"long memory possible; training has to open them, or whoever "
        "chooses the first weights."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Exercise.** The LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers and others 2000) has three
    gates, i, f and o, and a second state c:

    $$c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c')$$

    i, f, o are sigmoids and g a tanh of $xW + hU + b$, whose columns come in the order i, f, g, o, as many for each as
    there are hidden units.
    """)
    return


@app.cell
def _():
    def lstm_step(
        x: np.ndarray, h: np.ndarray, c: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the next h and c (hidden,); W is (inputs, 4 hidden), U (hidden, 4 hidden), b (4 hidden,)."""
        raise NotImplementedError

    checked(lambda: check_lstm_step(lstm_step))
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Attention

    Keep all states, and look. Each place asks with a query q, each place answers to a key k, and has a value v to
    give. What a place gets is a mean of all
    values; their weights are a softmax of how well keys fit its query (Bahdanau and others 2015; Vaswani and others
    2017):

    $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d}\right) V$$
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Why the √d? Queries and keys of d = 256 random numbers with a standard deviation of 1: how large are their products, and what "
        "does softmax make of them?",
        "A sum of 256 products has a standard deviation of √256 = 16. Softmax of numbers that far apart gives nearly all weight "
        "to one place, and has almost no slope: the "
        "chain breaks again. Divided by √d it is 1.",
    )
    return


@app.cell
def _():
    def attention(Q: Tensor, K: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        """Return what each place gets (..., places, d), and the weights (..., places, places) of its mean."""
        weights = (Q @ K.mT / Q.shape[-1] ** 0.5).softmax(dim=-1)
        return weights @ V, weights

    torch.manual_seed(0)
    Q, K, V = torch.randn(3, 50, 20, 256)
    means, weights = attention(Q, K, V)
    built_in = float((means - nn.functional.scaled_dot_product_attention(Q, K, V)).abs().max())
    products = Q @ K.mT
    undivided = products.softmax(dim=-1).max(dim=-1).values.mean().item()
    divided = weights.max(dim=-1).values.mean().item()
    assert torch.allclose(weights.sum(dim=-1), torch.ones(50, 20))
    mo.md(
        f"By hand and by torch's `scaled_dot_product_attention` the means differ by {stated(0, built_in, 1e-5)}, to "
        f"five digits. The products have a standard deviation of "
        f"{stated(16, products.std().item(), 0.3)}. Of 20 places the one with the largest weight has "
        f"{stated(0.9, undivided, 0.05)} without the root, and "
        f"{stated(0.2, divided, 0.05)} with it."
    )
    return (attention,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Position

    Attention is a mean over a set: it does not know what came first. So a transformer adds a vector to each place:
    sines and cosines of its number with
    ever longer waves (Vaswani and others, section 3.5). The project's `model=transformer` has them as
    `model.positional_encoding`.
    """)
    return


@app.cell
def _():
    reordered = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    changes = {}
    for encoding in ("none", "sinusoidal"):
        torch.manual_seed(0)
        network = Transformer(SIGNALS, patch_size=1, positional_encoding=encoding)
        example = torch.randn(8, 40, 3)
        with torch.no_grad():
            changes[encoding] = float((network(example) - network(example[:, reordered])).abs().max())

    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.imshow(sinusoids(40, 32).T, cmap="PuOr", aspect="auto", vmin=-1, vmax=1)
    axes.set(xlabel="place", ylabel="component", title="What is added to each place")
    mo.vstack(
        [
            figure,
            mo.md(
                f"Put 40 inputs into another order: without positions the output changes by "
                f"{stated(0, changes['none'], 1e-5)} (to five digits), with them by "
                f"{stated(0.026, changes['sinusoidal'], 0.001)}, before any training."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Where a head looks

    A task that nothing but looking solves: ten random digits, then a number from 0 to 9 that says which of them is
    asked for. A head of attention, with the
    question as its query, learns it. Nobody tells it what a position is for.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "How many of the answers are right without positions? The digits are a set then, and the question names a "
        "place.",
        "The best that a set allows is to say the digit that is there most often: in about 0.28 of the cases it is "
        "the one asked for. Chance is 0.1.",
    )
    return


@app.cell
def _(attention):
    class Pointer(nn.Module):
        """One head: the question looks at ten digits."""

        def __init__(self, has_positions: bool, size: int = 32) -> None:
            super().__init__()
            self.digits, self.questions = nn.Embedding(10, size), nn.Embedding(10, size)
            self.register_buffer("positions", sinusoids(10, size) * has_positions)
            self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
            self.output = nn.Linear(size, 10)

        def forward(self, digits: Tensor, question: Tensor) -> tuple[Tensor, Tensor]:
            """Map digits (B, 10) and questions (B,) to logits (B, 10) and weights (B, 10)."""
            h = self.digits(digits) + self.positions
            query = self.query(self.questions(question))[:, None]
            means, weights = attention(query, self.key(h), self.value(h))
            return self.output(means[:, 0]), weights[:, 0]

    def draws(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        digits = torch.randint(10, (count, 10), generator=generator)
        question = torch.randint(10, (count,), generator=generator)
        return digits, question, digits.gather(1, question[:, None])[:, 0]

    def learned(has_positions: bool, steps: int = 800) -> tuple[float, np.ndarray]:
        """Return the share of new questions that are answered right, and the mean weights (question, place)."""
        torch.manual_seed(0)
        network = Pointer(has_positions)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for step in range(steps):
            digits, question, answer = draws(128, seed=step + 1)
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(digits, question)[0], answer).backward()
            optimizer.step()
        digits, question, answer = draws(5000, seed=0)
        with torch.no_grad():
            logits, weights = network(digits, question)
        means = np.array([weights[question == asked].mean(dim=0).numpy() for asked in range(10)])
        return (logits.argmax(dim=1) == answer).float().mean().item(), means

    digits, _, _ = draws(5000, seed=0)
    commonest = nn.functional.one_hot(digits, 10).sum(dim=1).max(dim=1).values.float().mean().item() / 10
    (without, set_weights), (with_positions, place_weights) = learned(False), learned(True)

    def draw_weights() -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(8.2, 3.8), layout="constrained", sharey=True)
        for axes, found, title in zip(
            panels, (set_weights, place_weights), ("without positions", "with positions"), strict=True
        ):
            shown = axes.imshow(found, cmap="cividis", vmin=0, vmax=1)
            axes.set(xlabel="place that is looked at", title=title)
            axes.set_xticks(range(10))
            axes.set_yticks(range(10))
        panels[0].set_ylabel("place that is asked for")
        figure.colorbar(shown, ax=panels, label="mean weight")
        return figure

    assert (place_weights.argmax(axis=1) == np.arange(10)).all()
    mo.vstack(
        [
            draw_weights(),
            mo.md(
                f"Of new questions {stated(0.27, without, 0.02)} are answered right without positions (the commonest "
                f"digit would be right in {stated(0.28, commonest, 0.005)}), and {stated(1, with_positions, 0.01)} with "
                f"them. On the "
                f"diagonal the weight is {stated(0.91, float(np.diag(place_weights).mean()), 0.04)} on average, and "
                f"{stated(0.1, float(np.diag(set_weights).mean()), 0.02)} without "
                "positions. The head looks where it is asked to.\n\n"
                "Here the weights explain the answer, as nothing else leads to it. In networks of many layers they need "
                "not (Jain and Wallace 2019)."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Side by side

    | | recurrent | attention |
    |---|:---|:---|
    | steps between two places that are L apart | L | 1 |
    | work for L places | grows as L | grows as L² |
    | all places at once | no, one after the other | yes |
    | knows the order | by itself | from what is added |

    ## What to take along

    - A recurrent network is a deep one with equal weights; what lab 5 says of chains holds over time.
    - Gates let a state, and its gradient, pass as they are.
    - Attention is a mean whose weights depend on what stands there. It has a short way to everything, and pays with
    the square of the length.

    Next: [lab 8](?file=lab_08_gpt.py), a transformer that writes.
    """)
    return


if __name__ == "__main__":
    app.run()
