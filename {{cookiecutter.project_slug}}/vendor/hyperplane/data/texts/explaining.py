"""Which words of a text a network goes by: what its outputs lose where a word is left out.

    effectᵢ = o(x) − o(x without token i)

The same for every network that takes a mask, so that a bag of words and a transformer can be compared; of the bag of
words it is the word's weight. Source: Li et al. 2016, "Understanding Neural Networks through Representation Erasure".

Dimensions: B texts, L tokens, K outputs.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..spec import PADDING, TextSpec
from .tokens import Tokenizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXTS = 200  # of the test that are looked at
DRAWN = 6  # of them that are drawn whole
LEAST = 3  # texts that a word has to stand in
MOST_TOKENS = 64  # of a text, from its beginning


def figures_of_texts(task: Any, data: Any) -> dict[str, "Figure"]:
    """Return pictures of the words that mattered in the texts of the test, and of a few texts."""
    from ... import figures

    spec: TextSpec = task.spec
    tokenizer = Tokenizer.of(spec)
    inputs, targets = (values[:TEXTS] for values in data.arrays("test"))
    inputs = inputs[:, : int((inputs != PADDING).any(axis=0).sum())]
    outputs, changes = effects(task.network, torch.from_numpy(inputs).to(task.device))
    names, outputs, changes = compared(spec, outputs, changes)
    sums: dict[str, defaultdict[str, list[float]]] = {name: defaultdict(list) for name in names}
    explained = []
    for row, (tokens, change) in enumerate(zip(inputs, changes, strict=True)):
        length = min(MOST_TOKENS, int((tokens != PADDING).sum()))
        words = tokenizer.shown(tokens[:length])
        for k, name in enumerate(names):
            for word, value in zip(words, change[:length, k], strict=True):
                sums[name][word].append(float(value))
        if row < DRAWN:
            title, sign, k = said(spec, outputs[row], targets[row], len(names))
            explained.append(figures.ExplainedText(title, words, sign * change[:length, k]))
    means = {
        name: {word: float(np.mean(values)) for word, values in found.items() if len(values) >= LEAST}
        for name, found in sums.items()
    }
    return {
        "words_that_mattered": figures.words_that_mattered(means),
        "explained_texts": figures.explained_texts(explained),
    }


@torch.no_grad()
def effects(network: nn.Module, tokens: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the outputs (B, K) of texts (B, L), and what each of the first tokens adds to them (B, tokens, K)."""
    network.eval()
    outputs, changes = [], []
    for text in tokens:
        text = text[: max(1, int((text != PADDING).sum()))]
        count = min(MOST_TOKENS, len(text))
        kept = torch.ones(count + 1, len(text), dtype=torch.bool, device=text.device)
        if len(text) > 1:  # a network has to look at something
            kept[torch.arange(count) + 1, torch.arange(count)] = False
        found = network(text.expand(count + 1, -1), kept).double().cpu().numpy()
        outputs.append(found[0])
        change = np.zeros((min(MOST_TOKENS, tokens.shape[1]), found.shape[1]))
        change[:count] = found[0] - found[1:]
        changes.append(change)
    return np.stack(outputs), np.stack(changes)


def compared(
    spec: TextSpec, outputs: NDArray[Any], changes: NDArray[Any]
) -> tuple[list[str], NDArray[Any], NDArray[Any]]:
    """Return names of what is looked at, its values (B, ·) and what tokens add to it (B, tokens, ·).

    Of two classes, that is by how much the second one leads; of more, each against the mean of all.
    """
    names = list(spec.class_names or spec.target_names)
    if spec.task == "classification" and len(names) == 2:
        return (
            [f"{names[1]} rather than {names[0]}"],
            outputs[:, 1:] - outputs[:, :1],
            changes[..., 1:] - changes[..., :1],
        )
    if spec.task == "classification":
        return names, outputs - outputs.mean(-1, keepdims=True), changes - changes.mean(-1, keepdims=True)
    return names, outputs, changes


def said(spec: TextSpec, outputs: NDArray[Any], target: NDArray[Any], count: int) -> tuple[str, int, int]:
    """Return what was predicted of a text and what is true, the sign of what speaks for it, and which value it is."""
    if spec.task == "classification":
        is_second = bool(outputs[0] > 0)
        best = int(is_second) if count == 1 else int(outputs.argmax())
        sign = 1 if count > 1 or is_second else -1
        right = "right" if best == int(target) else f"wrong, it is {spec.class_names[int(target)]}"
        return f"{spec.class_names[best]}: {right}", sign, 0 if count == 1 else best
    if spec.task == "multilabel":
        best = int(np.abs(outputs).argmax())
        applies = outputs[best] > 0
        right = "right" if applies == bool(target[best]) else "wrong"
        return f"{'' if applies else 'not '}{spec.class_names[best]}: {right}", 1 if applies else -1, best
    return f"{spec.target_names[0]}: higher by blue words; it is {float(target.flat[0]):.4g}", 1, 0
