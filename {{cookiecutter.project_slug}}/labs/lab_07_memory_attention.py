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

    There are two ways to use earlier inputs. A recurrent network keeps a state, and has to decide at each step what to remember.
    Attention keeps everything, and decides later which parts to use. About 35 minutes.

    ## An unrolled network

    $$h_t = \tanh(x_t W + h_{t-1} U + b), \qquad h_0 = 0$$

    W, U and b are the same at every step. Unrolled over 40 steps, this is a network of 40 layers that share their weights
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
        f"We unroll it by hand, and compare with `model=rnn model.cell=rnn`: the states of all 40 steps differ by "
        f"{stated(0, difference, 1e-5)}, to five decimal places. The layer has "
        f"{stated(60, W.numel() + U.numel() + b.numel(), 0)} weights, however long the signal is."
    )
    return (signals,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Gradients through time

    How strongly does the last state depend on an early one? By the chain rule, the derivative is a product of Jacobians, one for
    each step between the two. Each Jacobian is $\mathrm{diag}(1 - h_t^2)\,U^\top$ (for column vectors). As an example, let U be an
    orthogonal matrix times a number s. It rotates or reflects a state, and multiplies its length by s.
    """)
    return


@app.cell(hide_code=True)
def _():
    scale = mo.ui.slider(0.5, 1.5, 0.05, value=0.9, label="s, the factor by which U changes the length of a state", show_value=True)
    mo.vstack(
        [
            ask(
                "Compare s = 0.9 and s = 1.1 over 40 steps. The states are small, so tanh is nearly linear. How large is the gradient "
                "with respect to the first state?",
                "0.9⁴⁰ = 0.015 and 1.1⁴⁰ = 45. A factor slightly below or above 1 makes a large difference when it is applied 40 "
                "times. These are the *vanishing* and the *exploding* gradient (Hochreiter 1991; Bengio, Simard and Frasconi 1994).",
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
        """Return how strongly the last state depends on each earlier one: the root mean square over all directions."""
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
            (False, COLORS[0], "without tanh: s to the power of the number of steps"),
            (True, COLORS[1], "with tanh"),
        ):
            axes.semilogy(before, gradients_in_time(plain_step(s, bends), inputs, 16), color=color, label=name)
        axes.axhline(1, color="0.5", linewidth=1)
        axes.set(xlabel="steps before the last one", ylabel="size of the gradient", title=f"Gradient through time, s = {s:g}", ylim=(1e-13, 1e8))
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
        f"Measured without tanh, the gradient after 40 steps is {stated(0.0148, straight[0.9], 0.0001)} for s = 0.9 and "
        f"{stated(45.3, straight[1.1], 0.05)} for s = 1.1. With tanh, whose derivative is below 1 wherever the state is not 0, it is "
        f"{stated(4.2, bent[0.9] * 1e5, 0.1)} · 10⁻⁵ and {stated(0.0098, bent[1.1], 0.0001)}. At s = 1.5 it explodes even with tanh, to "
        f"{stated(15, bent[1.5], 0.2)}. An exploding gradient can be clipped (`train trainer.gradient_clip_val=1`). A vanished gradient "
        "cannot be recovered."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Gates

    The solution: copy the state from step to step, and let gates, which are numbers between 0 and 1, decide what changes. The GRU
    (Cho and others 2014) has two gates, the reset gate r and the update gate u:

    $$r = \sigma(x W_r + h U_r + b_r), \qquad u = \sigma(x W_u + h U_u + b_u)$$
    $$n = \tanh(x W_n + b_n + r \odot (h U_n + c_n)), \qquad h' = (1 - u) \odot n + u \odot h$$

    With u = 1 the step is the identity: the state stays the same, and so does its gradient. With u = 0 and r = 0 the old state is
    forgotten completely.
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
        """Return the size of the gradient after 40 steps of a GRU with a bias added to its update gate u."""
        torch.manual_seed(0)
        cell = nn.GRUCell(16, 16).double()
        with torch.no_grad():
            cell.bias_ih[16:32] += bias
        return gradients_in_time(lambda x, h: gru_step(x, h, cell), inputs, 16)[0]

    open_gate, shut_gate = gated(0.0), gated(5.0)
    mo.md(
        f"Our GRU and PyTorch's differ after 40 steps by {stated(0, gru_difference, 1e-5)}, to five decimal places.\n\n"
        f"With random initial weights, the gradient after 40 steps is 10 to the power of {stated(-8.9, np.log10(open_gate), 0.05)}: u "
        f"is near ½, so about half of the state is lost at each step. With a bias of 5 on u it is {stated(0.75, shut_gate, 0.01)}. So "
        "gates make long memory possible, but only if u is near 1. Either training has to learn this, or the initial bias has to be "
        "chosen so."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Exercise.** The LSTM (Hochreiter and Schmidhuber 1997; the forget gate was added by Gers and others 2000) has three gates, the
    input gate i, the forget gate f and the output gate o, and a second state c, the *cell state*:

    $$c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c')$$

    Compute $xW + hU + b$, and divide its columns into four equal parts, in the order i, f, g, o. Apply the sigmoid to i, f and o,
    and tanh to g. Write one step. The box below the cell compares it with PyTorch's LSTM.
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

    Keep all states, and choose among them. Each position has three vectors: a query q (what it looks for), a key k (what it offers)
    and a value v (what it returns). The output of a position is a weighted mean of all values. The weights are a softmax over the
    products of its query with all keys (Bahdanau and others 2015; Vaswani and others 2017):

    $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d}\right) V$$
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Why do we divide by √d? Let the queries and keys be d = 256 random numbers with a standard deviation of 1. How large are their "
        "products? What does softmax do with them?",
        "A sum of 256 such products has a standard deviation of √256 = 16. Softmax of such different numbers gives nearly all of the "
        "weight to one position, and its derivative is almost 0: the gradient vanishes again. After the division by √d the standard "
        "deviation is 1.",
    )
    return


@app.cell
def _():
    def attention(Q: Tensor, K: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output of each position (..., positions, d), and its weights (..., positions, positions)."""
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
        f"Our attention and PyTorch's `scaled_dot_product_attention` differ by {stated(0, built_in, 1e-5)}, to five decimal places. The "
        f"products have a standard deviation of {stated(16, products.std().item(), 0.3)}. Among 20 positions, the largest weight is "
        f"{stated(0.9, undivided, 0.05)} on average without the division by √d, and {stated(0.2, divided, 0.05)} with it."
    )
    return (attention,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Positional encoding

    Attention is a mean over a set: it does not know the order of the positions. So a transformer adds a different vector to each
    position: sines and cosines of the position number, with wavelengths from short to long (Vaswani and others, section 3.5). The
    project's `model=transformer` has them; the setting is `model.positional_encoding`.
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
    axes.set(xlabel="position", ylabel="component", title="Positional encoding: the vector added to each position")
    mo.vstack(
        [
            figure,
            mo.md(
                f"Permute the 40 inputs. Without positional encoding the output changes by {stated(0, changes['none'], 1e-5)} (to five "
                f"decimal places), with positional encoding by {stated(0.026, changes['sinusoidal'], 0.001)}. The network is not "
                "trained yet."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What a head looks at

    This task can only be solved by looking at the right position. The input is ten random digits and a number from 0 to 9, the
    question: which digit is at this position? An attention head whose query is the question learns to answer. It gets no other hint
    about positions.
    """)
    return


@app.cell(hide_code=True)
def _():
    ask(
        "How many answers are correct without positional encoding? Then the model sees the ten digits as a set, but the question asks "
        "for a position.",
        "The best it can do is to answer with the most frequent of the ten digits. This is correct in about 0.28 of the cases; chance "
        "is 0.1.",
    )
    return


@app.cell
def _(attention):
    class Pointer(nn.Module):
        """One attention head: the question is the query, the ten digits give keys and values."""

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
        """Return the accuracy on new questions, and the mean weights (question, position)."""
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
            panels, (set_weights, place_weights), ("without positional encoding", "with positional encoding"), strict=True
        ):
            shown = axes.imshow(found, cmap="cividis", vmin=0, vmax=1)
            axes.set(xlabel="position that the head looks at", title=title)
            axes.set_xticks(range(10))
            axes.set_yticks(range(10))
        panels[0].set_ylabel("position in the question")
        figure.colorbar(shown, ax=panels, label="mean weight")
        return figure

    assert (place_weights.argmax(axis=1) == np.arange(10)).all()
    mo.vstack(
        [
            draw_weights(),
            mo.md(
                f"On new questions the accuracy is {stated(0.27, without, 0.02)} without positional encoding (always answering with the "
                f"most frequent digit gives {stated(0.28, commonest, 0.005)}) and {stated(1, with_positions, 0.01)} with it. The mean "
                f"weight on the diagonal is {stated(0.91, float(np.diag(place_weights).mean()), 0.04)} with positional encoding, and "
                f"{stated(0.1, float(np.diag(set_weights).mean()), 0.02)} without. The head looks at the position in the question.\n\n"
                "Here the weights explain the answer, because there is no other path to it. In networks with many layers this need "
                "not be so (Jain and Wallace 2019)."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Comparison

    | | recurrent | attention |
    |---|:---|:---|
    | steps between two positions at a distance of L | L | 1 |
    | computation for L positions | proportional to L | proportional to L² |
    | all positions in parallel | no, one after the other | yes |
    | knows the order | yes, by its structure | only by positional encoding |

    ## Key points

    - A recurrent network is a deep network with shared weights. Its gradients can vanish over time, as in lab 5 over layers.
    - Gates can pass a state, and its gradient, from step to step without change.
    - Attention is a weighted mean whose weights depend on the content. Any two positions are one step apart. The price is a
      computation that grows with the square of the length.

    Next: [lab 8](?file=lab_08_gpt.py), a transformer that writes.
    """)
    return


if __name__ == "__main__":
    app.run()
