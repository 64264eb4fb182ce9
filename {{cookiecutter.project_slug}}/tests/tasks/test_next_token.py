"""A text is continued by what is likely; perplexity and bits follow from the loss."""

import math

import torch
from hyperplane import Task, TextSpec
from torch import nn

from {{ cookiecutter.package_name }}.tasks.next_token import NextToken

LETTERS = {"tokens": "characters", "vocabulary": ("[padding]", "[unknown]", "a", "b", "c")}
SPEC = TextSpec(task="next_token", input_shape=(4,), output_size=5, **LETTERS)


class Turns(nn.Module):
    """After a comes b, and after b comes a, if not c."""

    def forward(self, x):
        return torch.stack([99 + 0 * x, 99 + 0 * x, 9.0 * (x != 2), 9.0 * (x == 2), 8.0 + 0 * x], dim=1)


def test_a_text_is_continued_and_a_loss_is_a_perplexity(monkeypatch):
    task, logged = NextToken(Turns(), nn.Identity(), SPEC, nn.Identity(), None), {}
    assert task.continued("ab", 6, temperature=0) == "abababab"
    written = {task.continued("ab", 20, seed=seed) for seed in (0, 0, 1)}
    assert len(written) == 2 and all("c" in text and len(text) == 22 for text in written)
    monkeypatch.setattr(Task, "log_epoch", lambda self, metrics, ago: logged.update(metrics))
    task.log_epoch({"val/loss": torch.tensor(math.log(8))})
    assert [round(float(logged[f"val/{name}"]), 5) for name in ("perplexity", "bits_per_character")] == [8, 3]
