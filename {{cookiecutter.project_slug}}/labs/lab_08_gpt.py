import marimo

app = marimo.App(width="medium", app_title="Lab 8: a transformer that writes")

with app.setup(hide_code=True):
    import csv
    import re
    import textwrap
    from pydoc_data.topics import topics

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import torch
    from course import COLORS, ROOT, ask, checked, results, stated, train
    from exercises import check_bigrams
    from hyperplane.checkpoints.trained import load_trained
    from hyperplane.data.texts.bigrams import Bigrams
    from hyperplane.data.texts.corpus import Corpus
    from hyperplane.data.texts.tokens import Tokenizer
    from loguru import logger
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from {{ cookiecutter.package_name }}.models.gpt import GPT

    # The log lines of the engine would appear between the cells.
    logger.disable("hyperplane")


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 8: a transformer that writes

    A language model predicts the next token. A model that can do this can also write: sample a token, append it to the text, and
    repeat. This lab trains a GPT with a hundred thousand weights in less than a minute. It works like the large models, but they
    have read millions of times as much text. About 30 minutes.

    ## A text, and its tokens

    Python comes with a text: its language reference, which you can read with `help("yield")`. Its paragraphs, without tables and
    code, are our corpus. The tokens are characters. Larger models use parts of words (`data.tokens=bpe`); then texts have fewer
    tokens, and the vocabulary is larger.
    """)
    return


@app.cell
def _():
    def prose() -> str:
        """Return the paragraphs of Python's language reference, one on each line."""
        paragraphs = [paragraph for name in sorted(topics) for paragraph in topics[name].split("\n\n")]
        running = [
            p
            for p in paragraphs
            if len(p) > 100 and p.isascii() and all(re.match(r'[\w"(]', line) for line in p.splitlines())
        ]
        return "".join(" ".join(p.split()) + "\n" for p in dict.fromkeys(running))

    path = ROOT / "data" / "python_prose.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(prose(), encoding="utf-8")

    corpus = Corpus(path=str(path), length=48, seed=0)
    corpus.setup()
    tokenizer = Tokenizer.of(corpus.spec)
    begin = corpus.parts["train"][:49]
    assert tokenizer.decode(tokenizer.encode("a yield expression")) == "a yield expression"
    mo.md(
        f"The corpus has {stated(97, len(prose()) / 1000, 4)} thousand characters. Its training set has "
        f"{stated(91, corpus.spec.num_tokens - 2, 6)} different ones (with Python 3.11; in other versions the text differs). Together with "
        "two special tokens, for padding and for unknown characters, they form the vocabulary. The network sees numbers. Its target "
        "is the same text, shifted by one position:"
    )
    return begin, corpus, tokenizer


@app.cell(hide_code=True)
def _(begin, tokenizer):
    shown = [
        {
            "position": t,
            "the network sees": tokenizer.decode(begin[: t + 1].tolist())[-40:],
            "number": int(begin[t]),
            "target": repr(tokenizer.decode([int(begin[t + 1])])),
        }
        for t in range(12)
    ]
    mo.ui.table(shown, selection=None, show_download=False, page_size=12)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    A window of 48 characters contains 48 training samples: predict the second character from the first, the third from the first
    two, and so on. The loss is the mean of $-\log p(\text{next})$, in nats. The exponential of the loss is the *perplexity*. A
    perplexity of 10 means: the model is as uncertain as if it had to choose among 10 equally likely tokens.

    ## A baseline: counting

    Before any network: how good are predictions from counted pairs of characters, called *bigrams*? (Shannon 1948 generated English
    text with them.) Let n be the counts in N training tokens, and V the number of different tokens:

    $$p(b) = \frac{n(b) + 1}{N + V}, \qquad p(b \mid a) = \frac{n(ab) + \alpha\, p(b)}{n(a) + \alpha}.$$

    α is the weight of the single-token probability p(b); it matters where pairs are rare. In p(b | a), n(a) counts only those tokens
    a that are followed by another token.

    **Exercise.** Write a function that returns the table of $p(b \mid a)$. Each row must sum to 1. The box below the cell says *Right*
    when the table is correct.
    """)
    return


@app.cell
def _():
    def bigrams(tokens: np.ndarray, kinds: int, alpha: float) -> np.ndarray:
        """Return p(b | a) at [a, b] (kinds, kinds), counted in tokens (N,), which are integers from 0 to `kinds` - 1."""
        raise NotImplementedError

    checked(lambda: check_bigrams(bigrams))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Guessing uniformly gives a loss of log 93 = 4.5 nats per character. What loss do single characters (unigrams) reach? And "
        "pairs (bigrams)?",
        "Unigrams: 3.1, a perplexity of 23. Bigrams: 2.5, a perplexity of 12. A network must be below this; otherwise it has learned "
        "nothing more than pairs.",
    )
    return


@app.cell
def _(corpus):
    parts = {part: tokens.numpy() for part, tokens in corpus.parts.items()}
    counted = Bigrams(parts["train"], corpus.spec.num_tokens, parts["val"])
    unigram, bigram = counted.unigram_loss(parts["test"]), counted.loss(parts["test"])
    mo.md(
        f"Measured on the test set, the end of the text, which was not counted: unigrams {stated(3.14, unigram, 0.04)} nats, bigrams "
        f"{stated(2.48, bigram, 0.04)} (perplexity {stated(11.9, np.exp(bigram), 0.5)}). The project reports the loss of the bigrams "
        "with every run on `data=corpus`, as `test/naive_loss`."
    )
    return bigram, unigram


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## The causal mask

    Attention sees all positions (lab 7), including those that the model has to predict. So later positions must get a weight of
    zero. For this, a mask is added before the softmax:

    $$\mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d} + M\right)V, \qquad M_{ij} = 0 \ \text{for}\ j \le i, \
    \text{else}\ -\infty.$$

    You know the other parts of GPT (`models/gpt.py`, a hundred lines) from labs 4 to 7: embeddings, positions, residual connections,
    and an MLP at each position.
    """)
    return


@app.cell
def _(corpus):
    def masked_weights(Q: Tensor, K: Tensor) -> Tensor:
        """Return the weights (..., positions, positions) of causal attention."""
        products = Q @ K.mT / Q.shape[-1] ** 0.5
        ahead = torch.ones(products.shape[-2:], dtype=torch.bool).triu(1)
        return products.masked_fill(ahead, -torch.inf).softmax(dim=-1)

    torch.manual_seed(0)
    Q, K, V = torch.randn(3, 8, 20, 16)
    apart = float(
        (masked_weights(Q, K) @ V - nn.functional.scaled_dot_product_attention(Q, K, V, is_causal=True)).abs().max()
    )

    fresh = GPT(corpus.spec).eval()
    text = corpus.parts["train"][None, :48].long()
    changed = text.clone()
    changed[:, 30:] = 5  # a different end
    with torch.no_grad():
        effect = (fresh(text) - fresh(changed)).abs().amax(dim=(0, 1))
    assert float(effect[30:].min()) > 1e-4
    mo.md(
        f"Our masked attention and PyTorch's differ by {stated(0, apart, 1e-5)}, to five decimal places. In the project's GPT, we "
        f"replace all characters from position 30 on. The outputs at positions 0 to 29 change by "
        f"{stated(0, float(effect[:30].max()), 1e-5)}; all later outputs change."
    )
    return (masked_weights,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Training

    A run of the project with 2000 steps:

        train model=gpt model.num_heads=2 \
            data=corpus data.path=data/python_prose.txt data.length=48 data.batch_size=16 \
            optimizer=adamw optimizer.lr=0.005 scheduler=warmup_cosine trainer.max_steps=2000
    """)
    return


@app.cell
def _(bigram, unigram):
    run = train(
        "model=gpt", "model.num_heads=2", "data=corpus", "data.path=data/python_prose.txt", "data.length=48", "data.batch_size=16",
        "optimizer=adamw", "optimizer.lr=0.005", "scheduler=warmup_cosine", "trainer.max_steps=2000", folder="gpt",
    )  # fmt: skip
    summary = results(run)
    trained = load_trained(run).task

    def draw_training() -> Figure:
        with (run / "metrics.csv").open() as lines:
            rows = [(int(row["step"]), float(row["val/loss"])) for row in csv.DictReader(lines) if row["val/loss"]]
        figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
        axes.plot(*zip(*rows, strict=True), "o-", color=COLORS[0], label="GPT, validation")
        axes.axhline(unigram, color=COLORS[4], linestyle=":", label="unigrams, test")
        axes.axhline(bigram, color=COLORS[1], linestyle="--", label="bigrams, test")
        axes.set(xlabel="step", ylabel="loss (nats per character)", title="GPT soon passes the bigrams")
        axes.legend()
        axes.grid(alpha=0.3)
        return figure

    assert round(summary["steps"] * 16 * 48 / 77_600) == 20  # epochs, as the table at the end says
    loss = summary["metrics"]["test/loss"]
    assert abs(summary["metrics"]["test/naive_loss"] - bigram) < 1e-4
    mo.vstack(
        [
            draw_training(),
            mo.md(
                f"{stated(110, summary['parameters'] / 1000, 1.5)} thousand weights reach a test loss of {stated(1.51, loss, 0.1)} nats; "
                f"the bigrams have {stated(2.48, bigram, 0.04)}. The perplexity is {stated(4.5, np.exp(loss), 0.5)} instead of "
                f"{stated(11.9, np.exp(bigram), 0.5)}."
            ),
        ]
    )
    return (trained,)


@app.cell(hide_code=True)
def _():
    ask(
        "At the first position of a window GPT sees a single character, at the last position 48. How good can its prediction be at the "
        "first position?",
        "No better than the bigrams, which also see a single character. All improvement comes from looking further back.",
    )
    return


@app.cell
def _(bigram, corpus, trained):
    test = corpus.parts["test"].long()
    starts = torch.arange(4000)  # overlapping windows, so that nearly the same characters are predicted at all positions
    windows = test[starts[:, None] + torch.arange(49)]
    with torch.no_grad():
        by_place = (
            nn.functional.cross_entropy(trained.network(windows[:, :-1]), windows[:, 1:], reduction="none")
            .mean(dim=0)
            .numpy()
        )

    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    axes.plot(np.arange(1, 49), by_place, color=COLORS[0], label="GPT")
    axes.axhline(bigram, color=COLORS[1], linestyle="--", label="bigrams")
    axes.set(xlabel="number of characters that it sees", ylabel="test loss (nats per character)", title="A longer context lowers the loss, up to a point")
    axes.legend()
    axes.grid(alpha=0.3)
    mo.vstack(
        [
            figure,
            mo.md(
                f"With one character the loss is {stated(2.6, float(by_place[0]), 0.15)} nats, no better than the bigrams. With ten to "
                f"twenty characters it is {stated(1.42, float(by_place[9:20].mean()), 0.1)}, and with 25 to 48 it is "
                f"{stated(1.42, float(by_place[24:].mean()), 0.1)}. So all of the improvement comes from about the last ten characters: "
                "the current word and the one before it. Larger models use a thousand tokens and more (Kaplan and others 2020)."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    temperature = mo.ui.slider(0, 2, 0.1, value=0.5, label="temperature", show_value=True)
    mo.vstack(
        [
            mo.md(r"""
        ## Temperature

        The network predicts $p = \mathrm{softmax}(z)$. To write, we sample from $\mathrm{softmax}(z/\tau)$, where τ is the *temperature*.
        At τ = 1 these are the network's own probabilities. Below 1, likely tokens become more likely; at 0 the most likely token is
        always chosen. The larger τ is, the closer all tokens are to equally likely.
        """),
            ask(
                "At which temperature does the network write the most real words? Why would you not always choose it?",
                "The lower the temperature, the more real words. But at 0 the network repeats itself again and again: a text that "
                "consists of the most likely tokens is not a typical text.",
            ),
            temperature,
        ]
    )
    return (temperature,)


@app.cell
def _(temperature, trained):
    said = trained.continued("The yield statement ", 300, temperature.value)
    mo.md("```text\n" + "\n".join(textwrap.wrap(said, 90)) + "\n```")
    return


@app.cell
def _(corpus, tokenizer, trained):
    known = set(re.findall(r"[a-z]+", tokenizer.decode(corpus.parts["train"].tolist()).lower()))

    def written(heat: float) -> tuple[float, float]:
        """Return two shares of the written words: those that occur in the training text, and those that are distinct."""
        words = re.findall(r"[a-z]{3,}", trained.continued("The ", 1500, heat, seed=1).lower())
        return sum(word in known for word in words) / len(words), len(set(words)) / len(words)

    real, different = (
        dict(zip((0.0, 0.5, 1.0, 2.0), values, strict=True))
        for values in zip(*map(written, (0.0, 0.5, 1.0, 2.0)), strict=True)
    )
    assert real[0.0] > real[0.5] > real[1.0] > real[2.0] and different[0.0] < different[0.5] < different[1.0]
    mo.md(
        f"We take the words of at least three letters in 1500 generated characters. The share that occurs in the training text is "
        f"{stated(1.0, real[0.0], 0.1)} at τ = 0, {stated(0.95, real[0.5], 0.1)} at 0.5, {stated(0.7, real[1.0], 0.2)} at 1 and "
        f"{stated(0.1, real[2.0], 0.1)} at 2. But at 0 the number of distinct words is only {stated(0.1, different[0.0], 0.1)} of all "
        f"words; at 1 it is {stated(0.7, different[1.0], 0.15)}.\n\n"
        'On the command line: `predict run=runs/labs/gpt prompt="The yield statement " temperature=0.5`.'
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## What its heads look at

    Each row shows the attention weights from one position to itself and to all earlier positions.
    """)
    return


@app.cell
def _(masked_weights, tokenizer, trained):
    phrase = "the value of the expression is the value"

    def looked() -> list[Tensor]:
        """Return the weights (heads, positions, positions) of each block."""
        found = []
        network = trained.network
        numbers = torch.tensor(tokenizer.encode(phrase)[None].astype(np.int64))
        with torch.no_grad():
            h = network.tokens(numbers) + network.positions[: numbers.shape[1]]
            for block in network.blocks:
                parts = block.attention.query_key_value(block.attention_norm(h)).unflatten(
                    2, (3, block.attention.num_heads, -1)
                )
                q, k, _ = parts.permute(2, 0, 3, 1, 4)
                found.append(masked_weights(q, k)[0])
                h = block(h)
        return found

    heads = looked()
    back = [[float(head.diagonal(-distance).mean()) for distance in (0, 1, 2, 3)] for block in heads for head in block]

    def draw_heads() -> Figure:
        figure, panels = plt.subplots(2, 2, figsize=(9.4, 9.6), layout="constrained", sharex=True, sharey=True)
        for row, block in zip(panels, heads, strict=True):
            for axes, head in zip(row, block, strict=True):
                axes.imshow(head.numpy() ** 0.5, cmap="cividis", vmin=0, vmax=1)
                axes.set_xticks(range(len(phrase)), list(phrase), fontsize=7)
                axes.set_yticks(range(len(phrase)), list(phrase), fontsize=7)
        for number, axes in enumerate(panels.ravel()):
            axes.set_title(f"block {number // 2 + 1}, head {number % 2 + 1}")
        figure.supxlabel("character that the head looks at")
        figure.supylabel("position from which it looks (brighter: larger square root of the weight)")
        return figure

    assert all(float(block.triu(1).abs().max()) == 0 for block in heads)
    mo.vstack(
        [
            draw_heads(),
            mo.md(
                f"All weights above the diagonal are 0: this is the causal mask. One head of the first block has "
                f"{stated(0.9, max(sum(head[:4]) for head in back[:2]), 0.1)} of its weight on the last four characters. It collects the "
                "word that is being written."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## From here to large language models

    | | weights | training text | source |
    |---|---|---|:---|
    | this lab | 1.1 · 10⁵ | 1.5 · 10⁶ characters: the same text twenty times | here |
    | GPT-2 | 1.5 · 10⁹ | 40 GB of text | Radford and others 2019 |
    | GPT-3 | 1.75 · 10¹¹ | 3 · 10¹¹ tokens | Brown and others 2020 |

    The equations are the same. Lab 12 measures what scale contributes.

    ## Key points

    - A language model is a classifier of the next token. Each position of a window is a training sample.
    - The causal mask keeps attention from looking at the tokens that the model has to predict.
    - Compare a network with a simple baseline, such as counted bigrams, before you praise it.
    - A higher temperature gives more variety and more errors.

    Next: [lab 9](?file=lab_09_complexity_2021.py), complexity 1990 and 2021.
    """)
    return


if __name__ == "__main__":
    app.run()
