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

    # The lab says itself what is worth saying.
    logger.disable("hyperplane")


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Lab 8: a transformer that writes

    A language model says which token comes next. Whoever can say that can write: draw a token, put it at the end, ask
    again. This lab trains a GPT with a
    hundred thousand weights in less than a minute. It works as those that read millions of times as much, and writes
    like one that has read one chapter. About 30 minutes.

    ## A text, and its tokens

    Python brings a text along: its language reference, which `help("yield")` prints from. Its prose, without tables
    and code, is our corpus. The tokens
    are characters. Larger models take pieces of words (`data.tokens=bpe`), which makes texts shorter and the
    vocabulary longer.
    """)
    return


@app.cell
def _():
    def prose() -> str:
        """Return the paragraphs of Python's language reference, one a line."""
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
        f"It has {stated(97, len(prose()) / 1000, 4)} thousand characters of "
        f"{stated(91, corpus.spec.num_tokens - 2, 6)} kinds (Python 3.11; other versions "
        "have other words). What the network sees are numbers, and its target is the same text, one place further on:"
    )
    return begin, corpus, tokenizer


@app.cell(hide_code=True)
def _(begin, tokenizer):
    shown = [
        {
            "place": t,
            "sees": tokenizer.decode(begin[: t + 1].tolist())[-40:],
            "number": int(begin[t]),
            "next": repr(tokenizer.decode([int(begin[t + 1])])),
        }
        for t in range(12)
    ]
    mo.ui.table(shown, selection=None, show_download=False, page_size=12)
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    One window of 48 characters is 48 exercises at once: from one character predict the second, from two the third. The
    loss is the mean of
    $-\log p(\text{next})$, in nats; exp of it, the perplexity, is of how many tokens it is as if they were equally
    likely.

    ## What counting reaches

    Before any network: how well do pairs of letters do (Shannon 1948 wrote English with them)? With n the counts in N
    training tokens of V kinds,

    $$p(b) = \frac{n(b) + 1}{N + V}, \qquad p(b \mid a) = \frac{n(ab) + \alpha\, p(b)}{n(a) + \alpha}.$$

    α says how far single tokens speak where pairs are rare. n(a) counts those tokens that have a next one.

    **Exercise.** Write the table of $p(b \mid a)$.
    """)
    return


@app.cell
def _():
    def bigrams(tokens: np.ndarray, kinds: int, alpha: float) -> np.ndarray:
        """Return p(b | a) at [a, b] (kinds, kinds), counted in tokens (N,), whole numbers below `kinds`."""
        raise NotImplementedError

    checked(lambda: check_bigrams(bigrams))
    return


@app.cell(hide_code=True)
def _():
    ask(
        "Guessing blindly costs log 94 = 4.5 nats for a character. What do single letters reach, and what do pairs?",
        "Single letters 3.1: as if 23 were equally likely. Pairs 2.5, as if 12 were. Each network has to be below "
        "that, or it has learned nothing but pairs.",
    )
    return


@app.cell
def _(corpus):
    parts = {part: tokens.numpy() for part, tokens in corpus.parts.items()}
    counted = Bigrams(parts["train"], corpus.spec.num_tokens, parts["val"])
    unigram, bigram = counted.unigram_loss(parts["test"]), counted.loss(parts["test"])
    mo.md(
        f"Measured on the end of the text, which nothing was counted in: single characters "
        f"{stated(3.14, unigram, 0.04)} nats, pairs {stated(2.48, bigram, 0.04)} "
        f"(perplexity {stated(11.9, np.exp(bigram), 0.5)}). The project states this number beside every run with "
        f"`data=corpus`, as `test/naive_loss`."
    )
    return bigram, unigram


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Nobody may look ahead

    Attention sees all places (lab 7), also those that are to be predicted. So what lies ahead gets a weight of zero: a
    mask is added before the softmax,

    $$\mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt d} + M\right)V, \qquad M_{ij} = 0 \ \text{for}\ j \le i, \
    \text{else}\ -\infty.$$

    The rest of GPT (`models/gpt.py`, a hundred lines) is known from labs 4 to 7: embeddings, positions, residual sums,
    an MLP at each place.
    """)
    return


@app.cell
def _(corpus):
    def masked_weights(Q: Tensor, K: Tensor) -> Tensor:
        """Return the weights (..., places, places) of causal attention."""
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
    changed[:, 30:] = 5  # another end
    with torch.no_grad():
        effect = (fresh(text) - fresh(changed)).abs().amax(dim=(0, 1))
    assert float(effect[30:].min()) > 1e-4
    mo.md(
        f"By hand and by torch the masked means differ by {stated(0, apart, 1e-5)}, to five digits. In the project's "
        f"GPT, replace all characters from place 30 on: the "
        f"outputs at places 0 to 29 change by {stated(0, float(effect[:30].max()), 1e-5)}, all later ones do."
    )
    return (masked_weights,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Training

    A run of the project, 2000 steps:

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
        axes.axhline(unigram, color=COLORS[4], linestyle=":", label="single characters, test")
        axes.axhline(bigram, color=COLORS[1], linestyle="--", label="pairs, test")
        axes.set(xlabel="step", ylabel="loss (nats a character)", title="First it learns pairs, then more")
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
                f"{stated(110, summary['parameters'] / 1000, 1.5)} thousand weights reach {stated(1.51, loss, 0.1)} nats, "
                f"pairs {stated(2.48, bigram, 0.04)}: as if "
                f"{stated(4.5, np.exp(loss), 0.5)} characters were equally likely at each place, not "
                f"{stated(11.9, np.exp(bigram), 0.5)}."
            ),
        ]
    )
    return (trained,)


@app.cell(hide_code=True)
def _():
    ask(
        "At the first place of a window GPT sees a single character, at the last one 48. How good can it be at the "
        "first?",
        "No better than pairs: it knows what they know. All that it gains, it gains from looking further back.",
    )
    return


@app.cell
def _(bigram, corpus, trained):
    test = corpus.parts["test"].long()
    starts = torch.arange(4000)  # neighbours, so that all places have nearly the same characters to predict
    windows = test[starts[:, None] + torch.arange(49)]
    with torch.no_grad():
        by_place = (
            nn.functional.cross_entropy(trained.network(windows[:, :-1]), windows[:, 1:], reduction="none")
            .mean(dim=0)
            .numpy()
        )

    figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
    axes.plot(np.arange(1, 49), by_place, color=COLORS[0], label="GPT")
    axes.axhline(bigram, color=COLORS[1], linestyle="--", label="pairs")
    axes.set(xlabel="characters that it sees", ylabel="test loss (nats a character)", title="What a longer memory buys")
    axes.legend()
    axes.grid(alpha=0.3)
    mo.vstack(
        [
            figure,
            mo.md(
                f"With one character {stated(2.6, float(by_place[0]), 0.15)} nats, no better than pairs; with ten to "
                f"twenty {stated(1.42, float(by_place[9:20].mean()), 0.1)}, and with 25 to 48 "
                f"{stated(1.42, float(by_place[24:].mean()), 0.1)}. All that it gains comes from the last ten characters "
                f"or so: from the word that is being written, and the one before it. Larger models gain from a thousand "
                f"tokens and more (Kaplan and others 2020)."
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

        The network says $p = \mathrm{softmax}(z)$. To write, draw from $\mathrm{softmax}(z/\tau)$. At τ = 1 the text
        has the network's own probabilities; below, likely
        tokens become likelier; at 0 it is always the likeliest one; as τ grows, all become equally likely.
        """),
            ask(
                "At which temperature does it write the most real words, and why would one not always take that?",
                "The lower, the more real words. At 0, though, it says the same again and again: a text of the likeliest "
                "tokens is not a likely text.",
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
        """Return which shares of the written words the training text has, and are different ones."""
        words = re.findall(r"[a-z]{3,}", trained.continued("The ", 1500, heat, seed=1).lower())
        return sum(word in known for word in words) / len(words), len(set(words)) / len(words)

    real, different = (
        dict(zip((0.0, 0.5, 1.0, 2.0), values, strict=True))
        for values in zip(*map(written, (0.0, 0.5, 1.0, 2.0)), strict=True)
    )
    assert real[0.0] > real[0.5] > real[1.0] > real[2.0] and different[0.0] < different[0.5] < different[1.0]
    mo.md(
        f"Of the words of three letters or more in 1500 characters, the training text has "
        f"{stated(1.0, real[0.0], 0.1)} at τ = 0, {stated(0.95, real[0.5], 0.1)} at 0.5, "
        f"{stated(0.7, real[1.0], 0.2)} at "
        f"1 and {stated(0.1, real[2.0], 0.1)} at 2. But at 0 only {stated(0.1, different[0.0], 0.1)} of the words are "
        f"different ones, "
        f"at 1 it is {stated(0.7, different[1.0], 0.15)}.\n\n"
        'The same from the command line: `predict run=runs/labs/gpt prompt="The yield statement " temperature=0.5`.'
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Where its heads look
    """)
    return


@app.cell
def _(masked_weights, tokenizer, trained):
    phrase = "the value of the expression is the value"

    def looked() -> list[Tensor]:
        """Return the weights (heads, places, places) of each block."""
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
        figure.supxlabel("character that is looked at")
        figure.supylabel("place from which it looks (brighter: more weight, as its root)")
        return figure

    assert all(float(block.triu(1).abs().max()) == 0 for block in heads)
    mo.vstack(
        [
            draw_heads(),
            mo.md(
                f"Nothing above the diagonal: that is the mask. In the first block the head that looks back most closely "
                f"has "
                f"{stated(0.9, max(sum(head[:4]) for head in back[:2]), 0.1)} of its weight on the last four characters. "
                f"It collects the word that is being written."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## From here to the large ones

    | | weights | tokens it learned from | source |
    |---|---|---|:---|
    | this lab | 1.1 · 10⁵ | 1.5 · 10⁶ characters, twenty times over the same | here |
    | GPT-2 | 1.5 · 10⁹ | 40 GB of text | Radford and others 2019 |
    | GPT-3 | 1.75 · 10¹¹ | 3 · 10¹¹ | Brown and others 2020 |

    The equations are the same. Lab 12 measures what size buys.

    ## What to take along

    - A language model is a classifier of the next token; one window is as many exercises as it has places.
    - The mask makes attention honest: what is to be predicted cannot be looked at.
    - State what counting reaches before you praise a network.
    - Temperature trades errors for variety.

    Next: [lab 9](?file=lab_09_complexity_2021.py), complexity 1990 and 2021.
    """)
    return


if __name__ == "__main__":
    app.run()
