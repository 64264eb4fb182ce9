"""The next token of a text. exp(loss) is the perplexity: as uncertain as among that many equally likely tokens."""

import math
from typing import Any, ClassVar

import torch
from hyperplane import Task, TextSpec
from hyperplane.data.texts.tokens import Tokenizer
from torch import Tensor

SAMPLED = 500  # tokens of the sample that a run writes


class NextToken(Task):
    """Predicts the next token at each position of a text.

    Logged beside the loss, in nats per token: the perplexity and the bits per character. The naive loss is that of
    bigrams: how often each token follows the one before it.
    """

    kind = "next_token"
    higher_is_better: ClassVar = {"perplexity": False, "bits_per_character": False}
    spec: TextSpec

    def log_epoch(self, metrics: dict[str, Tensor], steps_ago: int = 0) -> None:
        """Add perplexity and bits per character, which follow from the losses."""
        for name in [name.removesuffix("loss") for name in metrics if name.endswith("loss")]:
            loss = metrics[f"{name}loss"]
            characters = self.spec.characters_per_token.get(name.partition("/")[0], 1.0)  # of the text of this stage
            metrics |= {f"{name}perplexity": loss.exp(), f"{name}bits_per_character": loss / math.log(2) / characters}
        super().log_epoch(metrics, steps_ago)

    def floors(self, measured: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of bigrams on the test text, if the data state it."""
        loss = getattr(self.trainer.datamodule, "bigram_loss", None)  # type: ignore[attr-defined]
        return {} if loss is None else {"test/naive_loss": torch.tensor(loss)}

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each token (B, V, T) to come after each position."""
        return outputs.softmax(dim=1)

    def texts(self, data: Any) -> dict[str, str]:
        """Return a text that the network writes; it begins like the test text."""
        beginning = Tokenizer.of(self.spec).decode(data.parts["test"][: self.spec.input_shape[0] // 2].tolist())
        return {"sample": self.continued(beginning, SAMPLED)}

    @torch.no_grad()
    def continued(self, prompt: str, length: int, temperature: float = 1.0, seed: int = 0) -> str:
        """Return the prompt, continued by the network.

        Args:
            prompt: the beginning; may be empty.
            length: tokens to write.
            temperature: of softmax(logits / temperature), from which tokens are drawn; 0: always the likeliest one.
            seed: for drawing tokens.
        """
        self.eval()
        tokenizer, generator = Tokenizer.of(self.spec), torch.Generator().manual_seed(seed)
        given = tokenizer.encode(prompt).tolist() or tokenizer.encode("\n").tolist()
        tokens = list(given)
        for _ in range(length):
            window = torch.tensor([tokens[-self.spec.input_shape[0] :]], device=self.device)
            logits = self.network(window)[0, :, -1].double().cpu()
            logits[:2] = -math.inf  # padding and unknown are never written
            p = (logits / temperature).softmax(dim=0) if temperature > 0 else (logits == logits.max()).double()
            tokens.append(int(p.multinomial(1, generator=generator)))
        return prompt + tokenizer.decode(tokens[len(given) :])
