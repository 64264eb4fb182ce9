"""Texts: how they become tokens, the bag of words beside scikit-learn's, and that padding changes nothing."""

import csv
import random

import numpy as np
import polars
import pytest
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.data.texts.files import new_texts
from hyperplane.data.texts.text import Text
from hyperplane.data.texts.tokens import SPECIAL, Tokenizer, split
from hyperplane.errors import UserError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from my_research.models.cnn import CNN
from my_research.models.linear import Linear
from my_research.models.mlp import MLP
from my_research.models.rnn import RNN
from my_research.models.transformer import Transformer
from test_resume import assert_goes_on

CLAIMS = {"good": ["great", "lovely", "not dull"], "bad": ["dull", "awful", "not great"]}
REVIEWS = ("data=text", "data.path=reviews.csv", "data.text=text", "data.target=label")


def sentence(generator, label):
    parts = [f"The {generator.choice(['film', 'plot', 'cast'])} was {generator.choice(CLAIMS[label])}"]
    parts += generator.sample(
        ["I saw it\non a Friday", 'She said "yes, really"', "We had popcorn 🍿!", "Café, naïve"], 2
    )
    return ". ".join(parts)


@pytest.fixture
def reviews(tmp_path):
    """`reviews(200)` writes that many rows: texts with quotes, commas, lines and emojis, and what they are."""

    def make(rows=120):
        generator = random.Random(0)
        labels = [generator.choice(["good", "bad"]) for _ in range(rows)]
        rows = [(sentence(generator, label), label) for label in labels]
        with (tmp_path / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return [text for text, _ in rows], labels

    return make


def load(path, **settings):
    data = Text(**({"path": str(path), "text": "text", "target": "label", "seed": 0} | settings))
    data.setup()
    return data


def test_words_are_words_of_any_language_and_all_else_stands_alone():
    text = "Don’t STOP, it's   2½ naïve\N{COMBINING DIAERESIS} हिन्दी ❤️!\n[unknown]"
    expected = ["don’t", "stop", ",", "it's", "2½", "naïvë", "हिन्दी", "❤️", "!", "[", "unknown", "]"]
    assert split(text, "words") == expected
    assert split("e\N{COMBINING ACUTE ACCENT}A", "characters") == "éA"


def test_a_vocabulary_holds_the_most_frequent_tokens_and_no_more():
    tokenizer = Tokenizer.fit(["b a a", "c b a"], "words", 4)
    assert tokenizer.vocabulary == (*SPECIAL, "a", "b")
    assert tokenizer.encode("a c b").tolist() == [2, 1, 3]
    numbers, cut = tokenizer.encode_all(["", "a b a b", "b"], 3)
    assert (numbers.tolist(), cut) == ([[1, 0, 0], [2, 3, 2], [3, 0, 0]], 1)
    assert tokenizer.decode([2, 1, 0]) == "a �"


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_what_is_taken_apart_can_be_put_together_again(kind):
    if kind == "bpe":
        pytest.importorskip("tokenizers")
    texts = ["[padding] the thing\n\tand 𝒳🍿 then the other thing"]
    tokenizer = Tokenizer.fit(texts, kind, 300)
    again = Tokenizer(tokenizer.kind, tokenizer.vocabulary, tokenizer.rules)
    assert again.decode(tokenizer.encode(texts[0])) == texts[0] and tokenizer.encode(texts[0]).min() > 1
    assert tokenizer == Tokenizer.fit(texts, kind, 300), "the same texts give the same tokens"
    if kind == "bpe":
        assert len(tokenizer.encode(texts[0])) < 0.7 * len(texts[0]) and again.decode(tokenizer.encode("ß")) == "ß"
        with pytest.raises(UserError, match=r"data\.vocabulary=258 is too small"):
            Tokenizer.fit(texts, kind, 258)


def test_texts_of_a_file_are_read_as_they_are_and_the_vocabulary_is_that_of_the_training_rows(reviews, tmp_path):
    texts, _ = reviews()
    data = load(tmp_path / "reviews.csv", tokens="characters")
    tokenizer, seen = Tokenizer.of(data.spec), {part: data.arrays(part)[0] for part in ("train", "val", "test")}
    assert sorted(tokenizer.decode(row) for part in seen.values() for row in part) == sorted(texts)
    rows = [("one", "rare", "train"), ("two", "12", "train"), ("one", "12", "val"), ("two", "other rare", "test")]
    polars.DataFrame(rows, schema=["label", "text", "split"], orient="row").write_csv(tmp_path / "few.csv")
    data = load(tmp_path / "few.csv", split_column="split")
    assert data.spec.vocabulary == (*SPECIAL, "12", "rare")
    assert data.arrays("test")[0].tolist() == [[1, 3]]
    (tokens, mask, targets), *_ = data.test_dataloader()
    assert (tokens.tolist(), mask.tolist(), targets.tolist()) == ([[1, 3]], [[True, True]], [1])


def test_what_is_wrong_with_texts_is_said(train, reviews, tmp_path):
    texts, labels = reviews()
    words = train(*REVIEWS, "data.text=txt", status=2).stderr
    assert "data.text=txt is not a column of reviews.csv. Did you mean text?" in words
    words = train(*REVIEWS, "data.text=label", status=2).stderr
    assert "data.text=label has another role already" in words
    assert (
        "data=text reads one column, the one that data.text names"
        in train(*REVIEWS, "data.ignore=[x]", status=2).stderr
    )
    assert "ResNet takes numbers, not tokens" in train(*REVIEWS, "model=resnet", status=2).stderr
    polars.DataFrame({"text": [None, " ", *texts[2:]], "label": labels}).write_csv(tmp_path / "reviews.csv")
    done = train(*REVIEWS, "model=linear", "data.length=8")
    assert (
        "2 of 120 rows have no text: each becomes one unknown token" in done.stderr and "a target: 1, 2" in done.stderr
    )
    assert "texts are cut after 8 tokens (data.length)" in done.stderr
    (tmp_path / "reviews.csv").write_bytes("text,label\nCafé,good\nbad,bad\n".encode("latin-1"))
    assert "it is not in UTF-8: byte 15 is 0xe9" in train(*REVIEWS, status=2).stderr


def test_a_folder_of_texts_is_the_table_of_them(reviews, tmp_path):
    texts, labels = reviews(60)
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        place = tmp_path / "of texts" / label / f"{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8-sig"))
    (place.parent / ".hidden.txt").write_bytes(b"\xff")
    order = sorted(range(60), key=lambda number: (labels[number], f"{number}.txt"))
    rows = polars.DataFrame({"text": [texts[row] for row in order], "label": [labels[row] for row in order]})
    rows.write_parquet(tmp_path / "table.parquet")
    of_folder = Text(path=str(tmp_path / "of texts"), seed=0)
    of_folder.setup()
    of_table = load(tmp_path / "table.parquet")
    for part in ("train", "val", "test"):
        assert all(map(torch.equal, of_folder.raw[part], of_table.raw[part]))
    assert of_folder.spec.class_names == ("bad", "good")
    new = of_folder.read_inputs(tmp_path / "of texts" / "bad", of_folder.spec)
    names = sorted(f"{row}.txt" for row in range(60) if labels[row] == "bad")
    assert new.beside["file"].to_list() == names and new.height == len(names)
    of_texts, of_names = new_texts(tmp_path / "of texts" / "bad", "file")  # a column may be called so
    assert of_texts["file"].to_list() == [texts[int(name.removesuffix(".txt"))] for name in of_names["file"]]
    (place.parent / "old.txt").write_bytes("für".encode("latin1"))
    with pytest.raises(UserError, match=r"old\.txt cannot be read: it is not in UTF-8: byte 2 is 0xfc"):
        Text(path=str(tmp_path / "of texts"), seed=0).setup()
    for wrong, said in (
        ({"group": "g"}, "data.group= names a column"),
        ({"task": "regression"}, "needs a table, data"),
    ):
        with pytest.raises(UserError, match=said):
            Text(path=str(tmp_path / "of texts"), seed=0, **wrong).setup()
    place.parents[1].rename(tmp_path / "train")
    with pytest.raises(UserError, match="and no folder test/"):
        Text(path=str(tmp_path), seed=0).setup()


@pytest.mark.parametrize("network", [Linear, MLP, CNN, RNN, Transformer])
def test_padding_changes_no_prediction(reviews, tmp_path, network):
    reviews()
    data = load(tmp_path / "reviews.csv")
    torch.manual_seed(0)
    made, tokens = network(data.spec).eval(), torch.from_numpy(data.arrays("test")[0])
    long = torch.cat([tokens, tokens.new_zeros(len(tokens), 30)], dim=1)
    together = made(long, long != 0)
    rows = [row[None, : (row != 0).sum()] for row in tokens]
    alone = torch.cat([made(row, row != 0) for row in rows])
    assert torch.allclose(together, alone, atol=1e-5)
    noise = torch.where(long != 0, long, torch.randint_like(long, data.spec.num_tokens))
    assert torch.allclose(together, made(noise, long != 0), atol=1e-5), "whatever stands in the padding"
    if network in (CNN, RNN):
        longer = load(tmp_path / "reviews.csv", length=256).spec
        assert network(longer)(tokens[:, :1], tokens[:, :1] != 0).shape == (len(tokens), 2), "one word is enough"


def test_the_bag_of_words_is_that_of_scikit_learn(train, command, reviews, tmp_path):
    texts, labels = reviews(300)
    rows = polars.DataFrame({"text": texts, "label": labels, "split": ["train"] * 200 + ["test"] * 100})
    rows.write_csv(tmp_path / "reviews.csv")
    optimum = ("optimizer=lbfgs", "optimizer.max_iter=200", "trainer.max_epochs=5", "data.val_fraction=0")
    folder = train(*REVIEWS, "data.split_column=split", "model=linear", "model.l2=0.5", *optimum).folder
    reference = make_pipeline(
        CountVectorizer(analyzer=lambda text: split(text, "words")), LogisticRegression(C=2, tol=1e-10)
    )
    reference.fit(texts[:200], labels[:200])
    done = command("predict", f"run={folder}", "input=reviews.csv", "output=out.csv")
    assert done.status == 0, done.stderr
    predicted = polars.read_csv("out.csv")
    expected = reference.predict_proba(texts)
    assert np.abs(predicted.select("probability bad", "probability good").to_numpy() - expected).max() < 1e-4
    assert predicted["prediction"].to_list() == reference.predict(texts).tolist()


@pytest.mark.parametrize(("model", "figures"), [("cnn", True), ("rnn", False)])
def test_networks_of_signals_read_texts(train, command, reviews, tmp_path, model, figures):
    texts, labels = reviews(120)
    words = (*REVIEWS, f"model={model}", f"figures={figures}", "trainer.max_epochs=12", "data.batch_size=10")
    done = train(*words, "optimizer.lr=0.02", "data.length=40")
    assert done.summary["metrics"]["test/accuracy"] > 0.95
    assert (done.folder / "figures" / "explained_texts.png").is_file() == figures
    polars.DataFrame({"text": [*texts[:20], None]}).write_csv(tmp_path / "new.csv")
    assert command("predict", f"run={done.folder}", "input=new.csv").status == 0
    assert polars.read_csv("predictions.csv")["prediction"].to_list()[:20] == labels[:20]
    assert command("export-model", f"run={done.folder}", "format=pt2").status == 0


def test_a_run_needs_its_folder_alone_and_goes_on_to_the_same_bits(train, command, reviews, monkeypatch, tmp_path):
    texts, _ = reviews()
    settings = (*REVIEWS, "model=transformer", "model.dropout=0.1", "data.batch_size=10", "trainer.max_epochs=2")
    whole, _ = assert_goes_on(train, command, monkeypatch, (*settings, "figures=true"), 12)
    assert {"words_that_mattered.png", "explained_texts.png"} <= {path.name for path in whole.glob("figures/*")}
    assert "as in summary.json" in command("evaluate", f"run={whole}").stderr
    (tmp_path / "reviews.csv").unlink()
    polars.DataFrame({"id": [1, 2, 3], "text": [texts[0], None, "Bücher 🦄 " * 200]}).write_csv(tmp_path / "new.csv")
    done = command("predict", f"run={whole}", "input=new.csv")
    assert done.status == 0 and polars.read_csv("predictions.csv").height == 3
    assert "1 of 3 texts are cut after 256 tokens" in done.stderr and "are not in the vocabulary" in done.stderr
    assert command("export-model", f"run={whole}", "format=pt2").status == 0
    task, program = load_trained(whole).task, torch.export.load(whole / "export" / "model.pt2").module()
    tokens = torch.from_numpy(Tokenizer.of(task.spec).encode_all(texts, 256)[0])
    padded = torch.nn.functional.pad(tokens, (0, 256 - tokens.shape[1]))
    assert torch.allclose(program(padded), task(tokens), atol=1e-5)
