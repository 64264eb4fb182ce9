"""Runs on images of one's own: trained, evaluated, predicted, exported, drawn; stopped and gone on with."""

import json
from importlib.util import find_spec

import numpy as np
import polars
import pytest
import torch
from hyperplane.figures import misclassified
from PIL import Image

import test_resume as resuming

SETTINGS = ("data=images", "data.path=photos", "data.size=8", "data.batch_size=8", "hardware=cpu")


@pytest.fixture
def photos(tmp_path):
    """Forty images of two classes, grey and coloured, of several sizes; one file is damaged."""
    random = np.random.default_rng(0)
    for kind, low in (("night", 0), ("day [hell]", 70)):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(low, low + 180, (8 + number, 9, 3)).astype(np.uint8)
            image = Image.fromarray(pixels).convert("L" if number % 3 == 0 else "RGB")
            image.save(tmp_path / "photos" / kind / f"{number}.png")
    (tmp_path / "photos" / "night" / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    return tmp_path / "photos"


def predictions(path="predictions.csv"):
    return polars.read_csv(path)


def test_a_run_on_a_folder_of_images(train, command, photos):
    done = train(*SETTINGS, "model=cnn", "trainer.max_epochs=8", "optimizer.lr=0.01", "figures=true")
    assert done.summary["metrics"]["test/accuracy"] > 0.6
    assert "1 of 41 images could not be read and were left out" in done.summary["warnings"]
    assert command("evaluate", f"run={done.folder}").status == 0
    assert command("predict", f"run={done.folder}", "input=photos").status == 0
    table = predictions()
    assert table.columns == ["file", "prediction", "probability day [hell]", "probability night"]
    assert table.height == 41 and table["file"].is_sorted()
    broken = table.filter(polars.col("file") == "night/broken.jpg")
    assert broken.height == 1 and broken["prediction"].null_count() == 1
    right = table.drop_nulls().select(polars.col("file").str.split("/").list[0] == polars.col("prediction"))
    assert right.to_series().mean() > 0.6
    assert command("predict", f"run={done.folder}", "input=photos/night/1.png", "output=one.csv").status == 0
    one = predictions("one.csv")
    assert one["file"].to_list() == ["1.png"]
    all_of_them = table.filter(polars.col("file") == "night/1.png")
    assert one["probability night"][0] == pytest.approx(all_of_them["probability night"][0], rel=1e-5)
    assert command("export-model", f"run={done.folder}", "format=pt2").status == 0
    program = torch.export.load(done.folder / "export" / "model.pt2").module()
    pixels = np.asarray(Image.open("photos/night/1.png").convert("RGB").resize((8, 8), Image.Resampling.BILINEAR))
    assert float(program(torch.tensor(pixels[None]).float())[0, 1]) == pytest.approx(one["probability night"][0], 1e-4)


def test_what_cannot_be_predicted_is_said(train, command, photos):
    folder = train(*SETTINGS, "model=linear").folder
    (photos / "empty").mkdir()
    for source, message in (
        ("photos/empty", "input=photos/empty holds no image"),
        ("photos/night/broken.jpg", "none of 1 images can be read: broken.jpg"),
        ("photos/none.png", "input=photos/none.png does not exist"),
    ):
        done = command("predict", f"run={folder}", f"input={source}")
        assert done.status == 2 and message in done.stderr
    table = train("data=moons").folder
    done = command("predict", f"run={table}", "input=photos")
    assert done.status == 2 and "this run was not trained on images of data=images" in done.stderr


def test_a_table_of_images_is_predicted_by_its_column(train, command, photos):
    names = [f"photos/{kind}/{number}.png" for kind in ("night", "day [hell]") for number in range(20)]
    polars.DataFrame({"number": range(40), "picture": names, "value": [5.0] * 20 + [9.5] * 20}).write_csv("labels.csv")
    table = ("data.path=labels.csv", "data.image=picture", "data.target=value", "data.task=regression")
    folder = train(*SETTINGS, *table, "model=cnn", "figures=true").folder
    assert command("predict", f"run={folder}", "input=labels.csv").status == 0
    assert predictions()["file"].to_list() == names and predictions().columns == ["file", "value"]
    assert command("predict", f"run={folder}", "input=photos", "output=all.parquet").status == 0
    assert polars.read_parquet("all.parquet")["value"].null_count() == 1


def test_images_that_have_changed_are_not_tested_again(train, command, photos):
    folder = train(*SETTINGS, "model=linear").folder
    Image.new("L", (8, 8)).save(photos / "night" / "1.png")
    done = command("evaluate", f"run={folder}")
    assert done.status == 2 and "images of photos have changed since this run was trained" in done.stderr


@pytest.mark.parametrize("place", [(), ("data.memory=1e-9", "data.workers=1")], ids=["memory", "workers"])
def test_a_run_that_was_stopped_in_the_middle_of_an_epoch(train, command, monkeypatch, photos, place):
    augment = "flip,crop,color,mixup" if find_spec("kornia") else ""
    settings = (*SETTINGS, *place, f"data.augment=[{augment}]", "model=resnet", "model.blocks=[1]", "model.width=2")
    settings = (*settings, "trainer.max_epochs=2", "scheduler=cosine")
    whole = train(*settings).folder
    with monkeypatch.context() as patch:
        resuming.stop_at(patch, 6)  # of 4 in an epoch
        cut = train(*settings, status=143).folder
    assert resuming.checkpoint(cut)["global_step"] == 6
    assert command("train", f"resume={cut}").status == 0
    first, second = (resuming.checkpoint(folder) for folder in (whole, cut))
    assert all(resuming.same(first[key], second[key]) for key in ("state_dict", "optimizer_states", "global_step"))
    metrics = [json.loads((folder / "summary.json").read_text())["metrics"] for folder in (whole, cut)]
    assert metrics[0] == metrics[1]


def test_misclassified_images_are_drawn_the_surest_first(tmp_path):
    images = np.arange(4 * 6 * 6 * 3, dtype=np.uint8).reshape(4, 6, 6, 3)
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.95, 0.05]])
    classes = np.array([0, 1, 1, 1])
    asked = []

    def predict(some):
        asked.append(len(some))
        return probabilities[: len(some)]

    figure = misclassified(predict, images, classes, ("cat", "dog $5"))
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["dog \\$5\ntaken for cat\nwith 95%", "dog \\$5\ntaken for cat\nwith 80%"] and asked == [4]
    assert figure.get_suptitle() == "Misclassified: all 2, of 4 test images"
    assert np.array_equal(figure.axes[0].images[0].get_array(), images[3] / 255)
    figure.savefig(tmp_path / "drawn.png")
    assert misclassified(predict, images, np.array([0, 0, 1, 0]), ("cat", "dog")) is None
