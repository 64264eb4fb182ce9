"""A corpus: windows that follow from seed and epoch, what bigrams reach, and GPT below it."""

import importlib
import inspect
import math

import numpy as np
import pytest
import torch
from hyperplane.commands.prompting import continued
from hyperplane.data.texts.bigrams import Bigrams
from hyperplane.data.texts.corpus import Corpus, Windows
from hyperplane.errors import UserError

from test_resume import assert_goes_on

MODULES = "argparse calendar collections datetime email.message fractions json logging os pathlib random shutil socket"
SIXTHS = {"val_fraction": 1 / 6, "test_fraction": 1 / 6}
CORPUS = ("data=corpus", "data.path=book.txt", "model=gpt")


@pytest.fixture(scope="module")
def text():
    """What the standard library says of itself."""
    said = {}
    for name in MODULES.split():
        module = importlib.import_module(name)
        for _, member in sorted(vars(module).items()):
            if getattr(member, "__module__", None) == name and inspect.isclass(member):
                methods = [method for _, method in sorted(vars(member).items()) if inspect.isfunction(method)]
                said |= {inspect.getdoc(one) or "": None for one in (member, *methods)}
    return "\n\n".join(said)


@pytest.fixture
def book(text, tmp_path):
    (tmp_path / "book.txt").write_text(text, encoding="utf-8")
    return tmp_path / "book.txt"


def test_an_epoch_goes_through_the_text_once_and_the_next_one_elsewhere():
    text = torch.arange(107, dtype=torch.int32)
    batches = Windows(text, 10, batch_size=4, seed=3)
    epochs = []
    for epoch in range(5):
        batches.set_epoch(epoch)
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        assert torch.equal(y, x + 1), "each token, and the one after it"
        assert x.unique().numel() == x.numel() >= 85, "none twice"
        assert [x.tolist() for x, _ in batches] == [x.tolist() for x, _ in batches]
        epochs.append(x.tolist())
    assert len({tuple(map(tuple, epoch)) for epoch in epochs}) == 5
    assert len({min(map(min, epoch)) % 10 for epoch in epochs}) > 1, "windows begin elsewhere"
    x, y = (torch.cat(parts) for parts in zip(*Windows(text, 10, batch_size=4), strict=True))
    assert x.flatten().tolist() == list(range(100)) and y[-1, -1] == 100
    for length in (1, 105, 106):  # as long as it can be
        batches = Windows(text, length, batch_size=2, seed=0)
        for epoch in range(20):
            batches.set_epoch(epoch)
            assert all(int(y.max()) <= 106 for _, y in batches)


def test_bigrams_are_their_formula():
    train, test = np.array([2, 3, 2, 4, 2, 3], np.int32), np.array([2, 3, 4], np.int32)
    bigrams = Bigrams(train, 5, None)
    p3, p4 = (2 + 1) / (6 + 5), (1 + 1) / (6 + 5)
    assert bigrams.unigram_loss(test) == pytest.approx(-(math.log(p3) + math.log(p4)) / 2)
    after_2, after_3 = (2 + p3) / (3 + 1), (0 + p4) / (1 + 1)
    assert bigrams.loss(test) == pytest.approx(-(math.log(after_2) + math.log(after_3)) / 2)
    others = [Bigrams(train, 5, None).loss(test, strength) for strength in (0.1, 1.0, 10.0, 100.0, 1000.0)]
    assert Bigrams(train, 5, test).loss(test) == min(others)


def test_gpt_falls_below_the_entropy_of_bigrams(train, command, book, text):
    small = ("data.length=32", "model.num_layers=1", "optimizer.lr=0.005")
    done = train(*CORPUS, *small, "trainer.max_epochs=-1", "trainer.max_steps=400", "figures=true")
    metrics = done.summary["metrics"]
    assert metrics["test/loss"] < metrics["test/naive_loss"] - 0.1
    assert metrics["test/perplexity"] == pytest.approx(math.exp(metrics["test/loss"]), rel=1e-5)
    assert metrics["test/bits_per_character"] == pytest.approx(metrics["test/loss"] / math.log(2), rel=1e-5)
    assert f"bigrams {metrics['test/naive_loss']:.4f}. A model should be below both" in done.stderr
    written = (done.folder / "sample.txt").read_text(encoding="utf-8")
    assert written.startswith(text[-round(len(text) / 10) :][:16]) and len(written) == 516
    assert continued(done.folder, "Return the ", 40, 0.8, seed=1) == continued(
        done.folder, "Return the ", 40, 0.8, seed=1
    )
    assert command("predict", f"run={done.folder}", "prompt=Return", "temperature=-1").status == 2
    assert "as in summary.json" in command("evaluate", f"run={done.folder}").stderr
    assert command("export-model", f"run={done.folder}", "format=pt2").status == 0


def test_a_corpus_that_was_stopped_goes_on_to_the_same_bits(train, command, book, text, monkeypatch):
    book.write_text(text[:9000], encoding="utf-8")
    settings = (*CORPUS, "data.length=16", "data.batch_size=16", "model.model_size=16", "model.dropout=0.1")
    settings = (*settings, "trainer.max_epochs=-1", "trainer.max_steps=70", "trainer.val_check_interval=15")
    settings = (*settings, "checkpoint.monitor=val/bits_per_character")
    monkeypatch.setattr("hyperplane.data.batches.EVALUATION_BYTES", 500_000)  # several batches validate
    whole, _ = assert_goes_on(train, command, monkeypatch, settings, 40)
    book.write_text(text[:8000], encoding="utf-8")
    assert "has changed since" in command("evaluate", f"run={whole}").stderr


def test_bits_are_for_each_character_of_the_text_that_was_measured(train, tmp_path):
    pytest.importorskip("tokenizers")
    random = np.random.default_rng(0)
    seen = " ".join(random.choice(["letters", "numbers", "sentences"], 400))
    other = "".join(random.choice(list("abcdefgh"), len(seen) // 2))  # of which nothing was joined
    (tmp_path / "book.txt").write_text(seen + other[: len(other) // 2] + seen[: len(other) // 2], encoding="utf-8")
    settings = (
        "data.tokens=bpe",
        "data.vocabulary=300",
        "data.length=8",
        "model.model_size=16",
        "trainer.max_epochs=1",
    )
    data = Corpus(path=str(tmp_path / "book.txt"), tokens="bpe", vocabulary=300, length=8, seed=0, **SIXTHS)
    data.setup()
    ratios = data.spec.characters_per_token
    assert ratios["val"] < 1.1 < 4 < ratios["test"], "letter by letter, and whole words"
    fractions = [f"data.{name}={value}" for name, value in SIXTHS.items()]
    done = train(*CORPUS, *settings, *fractions).summary["metrics"]
    for part in ("val", "test"):
        bits = done[f"{part}/loss"] / math.log(2) / ratios[part]
        assert done[f"{part}/bits_per_character"] == pytest.approx(bits, rel=1e-5)


def test_files_of_a_folder_follow_each_other_and_what_is_wrong_is_said(tmp_path, train):
    def load(path, length=4, **settings):
        data = Corpus(path=str(path), seed=0, length=length, **settings)
        data.setup()
        return data

    (tmp_path / "books").mkdir()
    with pytest.raises(UserError, match=r"a folder without \.txt files"):
        load(tmp_path / "books")
    (tmp_path / "books" / "b.txt").write_text("two" * 10, encoding="utf-8")
    (tmp_path / "books" / "a.txt").write_text("\ufeff" + "one" * 10, encoding="utf-8")
    data = load(tmp_path / "books")
    assert [len(data.parts[part]) for part in ("train", "val", "test")] == [49, 6, 6]
    with pytest.raises(UserError, match=r"7 tokens for train are too few.*data.length=50"):
        load(tmp_path / "books", length=50, val_fraction=0.5, test_fraction=0.4)
    (tmp_path / "books" / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"a.txt cannot be read: it is not in UTF-8: byte 4 is 0xe9"):
        load(tmp_path / "books")
    said = train("data=corpus", "data.path=boks", "model=gpt", status=2).stderr
    assert "data.path=boks does not exist" in said and "Did you mean books?" in said
    (tmp_path / "books" / "a.txt").unlink()
    words = train("data=corpus", "data.path=books", "data.length=4", "model=linear", status=2).stderr
    assert "Linear does not predict the next token at each position. Of model= these do: gpt." in words
