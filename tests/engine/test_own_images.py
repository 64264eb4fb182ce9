"""Images of one's own: what is found in folders and tables, how it is decoded, divided, standardised and changed."""

import errno
import os
import zlib

import numpy as np
import polars
import pytest
import torch
from hyperplane.data import reproducible
from hyperplane.data.images import augmentation, files, reading
from hyperplane.data.images.files import ImageShape, Unreadable, read_image
from hyperplane.data.images.images import Images
from hyperplane.data.images.reading import Asked
from hyperplane.data.seeded_loader import SeededLoader
from hyperplane.errors import UserError
from PIL import Image

RED = (204, 51, 0)
ORIENTATION = 0x0112


def save(path, pixels=None, mode="RGB", **options):
    """Write an image; random pixels unless they are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = np.random.default_rng(zlib.crc32(str(path).encode())).integers(0, 256, (6, 8, 3))
    Image.fromarray(np.asarray(pixels, np.uint8)).convert(mode).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path):
    """Thirty images of two classes: dark and bright ones, of 6 × 8 pixels."""
    random = np.random.default_rng(0)
    for name, low, count in (("dark", 0, 20), ("bright", 120, 10)):
        for number in range(count):
            save(tmp_path / "photos" / name / f"{number}.png", random.integers(low, low + 120, (6, 8, 3)))
    return tmp_path / "photos"


def load(path, **settings):
    own = {"seed": 0, "val_fraction": 0.2, "batch_size": 5, "folder": str(path.parent / "decoded")}
    data = Images(path=str(path), **own | settings)
    data.setup()
    return data


def names(data, part):
    return [data.names[row] for row in data.rows[part]]


def pixels_of(path, shape=None):
    return read_image(path, shape or ImageShape(6, 8, 3)).values


# Files


WRITES = {  # which formats have which modes
    "RGB": "png JPG bmp gif tiff webp ppm",
    "L": "png JPG bmp gif tiff webp ppm",
    "1": "png JPG bmp gif tiff webp ppm",
    "P": "png bmp gif tiff webp",
    "RGBA": "png bmp gif tiff webp",
    "LA": "png gif tiff webp",
    "CMYK": "JPG tiff",
}


@pytest.mark.parametrize("mode", WRITES)
def test_every_mode_becomes_the_same_colour(tmp_path, mode):
    for ending in WRITES[mode].split():
        expected = 255 if mode == "1" else 204  # which the palette of the web has as well
        path = save(tmp_path / f"a.{ending}", np.full((6, 8, 3), expected), mode)
        assert np.abs(pixels_of(path).astype(int) - expected).max() <= 3, ending
        assert pixels_of(path, ImageShape(3, 4, 1)).shape == (3, 4, 1)


def test_colours_stay_colours_and_what_is_transparent_is_white(tmp_path):
    for mode in ("RGB", "P", "RGBA", "CMYK"):
        ending = "tiff" if mode == "CMYK" else "png"
        path = save(tmp_path / f"{mode}.{ending}", np.full((6, 8, 3), RED), mode)
        assert np.abs(pixels_of(path) - np.array(RED)).max() <= 1, mode
    Image.new("RGBA", (8, 6), (*RED, 0)).save(tmp_path / "clear.png")
    assert (pixels_of(tmp_path / "clear.png") == 255).all()
    half = Image.new("LA", (8, 6), (0, 128))
    half.save(tmp_path / "half.png")
    assert (pixels_of(tmp_path / "half.png") == 127).all()


def test_a_photograph_stands_upright(tmp_path):
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:2] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned to the right by a quarter
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = pixels_of(tmp_path / "a.png", ImageShape(8, 6, 1))[..., 0]
    assert (upright[:, 4:] == 255).all() and (upright[:, :4] == 0).all()
    save(tmp_path / "photos" / "b" / "1.png")
    (tmp_path / "a.png").rename(tmp_path / "photos" / "b" / "a.png")
    save(tmp_path / "photos" / "c" / "1.png", np.zeros((8, 6, 3)))
    assert load(tmp_path / "photos", val_fraction=0, test_fraction=0.4).shape.size == (8, 6, 3)


def test_sixteen_bits_stay(tmp_path):
    grey = np.array([[1000, 1001], [0, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    deep = pixels_of(tmp_path / "deep.png", ImageShape(2, 2, 1, is_deep=True))
    assert deep.dtype == np.float32 and deep[..., 0].tolist() == grey.tolist()
    eight = pixels_of(tmp_path / "deep.png", ImageShape(2, 2, 3))
    assert eight[..., 2].tolist() == [[4, 4], [0, 255]]
    save(tmp_path / "white.png", np.full((2, 2, 3), 255))
    assert (pixels_of(tmp_path / "white.png", ImageShape(2, 2, 1, is_deep=True)) == 65535).all()
    for name, low in (("dim", 1000), ("bright", 1010)):
        for number in range(5):
            (tmp_path / "cells" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), low + number, np.uint16)).save(tmp_path / "cells" / name / f"{number}.tif")
    data = load(tmp_path / "cells")
    assert data.spec.input_shape == (4, 4, 1) and data.pixels.dtype == torch.float32
    assert {int(value) for value in data.arrays("train")[0][:, 0, 0, 0]} <= {*range(1000, 1005), *range(1010, 1015)}


def test_a_new_pixel_is_a_mean_over_all_that_it_covers(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255  # a resize that skips pixels would see either white or black
    assert np.abs(pixels_of(save(tmp_path / "a.png", stripes), ImageShape(4, 4, 1)).astype(int) - 128).max() <= 8


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("cut.png", lambda whole: whole[: len(whole) // 2], "truncated"),
        ("cut.jpg", lambda whole: whole[: len(whole) // 2], "truncated"),
        ("empty.png", lambda whole: b"", "it is empty"),
        ("text.png", lambda whole: b"no image at all", "it is no image that Pillow knows"),
        ("postscript.png", lambda whole: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image that Pillow"),
    ],
)
def test_a_damaged_file_is_named_and_left_out(photos, messages, name, damage, reason):
    whole = save(photos / "dark" / name, np.random.default_rng(0).integers(0, 256, (60, 80, 3))).read_bytes()
    (photos / "dark" / name).write_bytes(damage(whole))
    data = load(photos)
    assert len(data.files) == 30 and f"dark/{name}" not in data.names
    said = next(message for message in messages if "cannot be read" in message)
    assert f"1 of 31 images cannot be read and are left out: dark/{name} (" in said and reason in said


def test_where_all_files_are_damaged_nothing_is_trained(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / name / "1.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"none of 2 images can be read: a/1\.png \(it is no image that Pillow knows\)"):
        load(tmp_path)
    with pytest.raises(Unreadable, match="there is no such file"):
        pixels_of(tmp_path / "c.png")


# Folders


def test_what_lies_in_folders_besides_images_disturbs_nothing(photos, messages):
    for name in ("Thumbs.db", ".DS_Store", "._1.png", "notes.txt"):
        (photos / "dark" / name).write_bytes(b"x")
    save(photos / ".thumbnails" / "1.png")
    save(photos / "__MACOSX" / "1.png")
    save(photos / "Käfer [neu]" / "Bild (1) ü.JPEG")
    save(photos / "Käfer [neu]" / "deeper" / "2.PNG")
    save(photos / "loose.png")
    (photos / "empty").mkdir()
    (photos / "dark" / "loop").symlink_to(photos, target_is_directory=True)
    (photos / "bright" / "again").symlink_to(photos / "bright", target_is_directory=True)
    data = load(photos, test_fraction=0.4)
    assert data.spec.class_names == ("Käfer [neu]", "bright", "dark")
    counts = {name: sum(one.startswith(f"{name}/") for one in data.names) for name in ("Käfer [neu]", "bright")}
    assert counts == {"Käfer [neu]": 2, "bright": 10}
    said = "".join(messages)
    assert "files whose names do not end like those of images: notes.txt (1)" in said
    assert "no image in empty/: no class" in said
    assert "images outside the class folders are left out: loose.png (1)" in said


def test_a_link_to_a_folder_above_brings_no_images_of_other_classes(photos):
    (photos / "dark" / "up").symlink_to("..", target_is_directory=True)
    (photos / "dark" / "here").symlink_to(".", target_is_directory=True)
    assert len(load(photos).files) == 30


def test_decoded_images_are_kept_until_a_file_changes(photos, messages, monkeypatch):
    monkeypatch.setattr(reading, "SETTLED", 0)
    (photos / "dark" / "0.png").write_bytes(b"no image")
    first = load(photos)
    kept = list((photos.parent / "decoded").glob("images-*.npz"))
    assert len(kept) == 1 and "decoded images are kept in" in "".join(messages)
    messages.clear()
    monkeypatch.setattr(reading, "read_image", None)  # nothing is decoded
    again = load(photos)
    assert torch.equal(again.pixels, first.pixels) and again.digest == first.digest and again.names == first.names
    assert "are taken from" in "".join(messages) and "0.png (it is no image" in "".join(messages)
    monkeypatch.undo()
    file = photos / "dark" / "1.png"
    before = file.stat()
    file.write_bytes(file.read_bytes())  # a change that leaves the size, and below the time
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reading.name_of([file], Asked(None, None, 1.0)) is None, "it may change once more at this moment"
    monkeypatch.setattr(reading, "SETTLED", 0)
    assert torch.equal(load(photos).pixels, first.pixels)
    assert len(list((photos.parent / "decoded").glob("images-*.npz"))) == 2
    monkeypatch.setattr(reading, "KEPT", 1)
    own = photos.parent / "decoded" / "images-of-mine.npz"
    own.write_bytes(b"mine")
    load(photos, size=4)
    left = set((photos.parent / "decoded").glob("images-*.npz")) - {own}
    assert len(left) == 1 and own.exists(), "and not more than they may take; other files stay"


def test_folders_above_the_classes_say_what_images_are_for(photos, tmp_path, messages):
    for part, numbers in (("train", range(5)), ("Validation", range(5, 8)), ("test", range(8, 12))):
        for kind in ("bright", "dark"):
            for number in numbers:
                save(tmp_path / "split" / part / kind / f"{number}.png", np.full((4, 4, 3), 9 * number))
    save(tmp_path / "split" / "test" / "unknown" / "1.png")
    save(tmp_path / "split" / "extra" / "bright" / "1.png")
    data = load(tmp_path / "split")
    assert {part: len(rows) for part, rows in data.rows.items()} == {"train": 10, "val": 6, "test": 9}
    assert all(name.startswith("Validation/") for name in names(data, "val"))
    said = "".join(messages)
    assert "beside them extra: left out" in said and "No training image is of class unknown" in said
    with pytest.raises(UserError, match=r"folders that say which images are the test: data\.folds must be null"):
        load(tmp_path / "split", folds=3, fold=0)


def test_a_class_may_be_called_train(tmp_path):
    for kind in ("car", "train"):
        for number in range(6):
            save(tmp_path / kind / f"{number}.png")
    assert load(tmp_path).spec.class_names == ("car", "train")


@pytest.mark.parametrize("share", [0.2, 0.25])
def test_each_class_has_its_share_of_the_test(photos, share):
    data = load(photos, test_fraction=share, val_fraction=0.25)
    for kind, count in (("dark", 20), ("bright", 10)):
        held = sum(name.startswith(kind) for name in names(data, "test"))
        assert abs(held - share * count) <= 0.5
    parts = [set(names(data, part)) for part in ("train", "val", "test")]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 30
    same, other = (load(photos, test_fraction=share, val_fraction=0.25, seed=seed) for seed in (0, 1))
    assert names(same, "test") == names(data, "test") != names(other, "test")


def test_folds_test_every_image_once(photos):
    tested = [name for fold in range(3) for name in names(load(photos, folds=3, fold=fold), "test")]
    assert len(tested) == len(set(tested)) == 30


def test_the_same_image_on_both_sides_is_pointed_at(tmp_path, messages):
    for part, number in (("train", 0), ("train", 1), ("test", 2)):
        for kind in ("a", "b"):
            save(tmp_path / part / kind / f"{number}.png", np.full((4, 4, 3), 10 * number + (kind == "b")))
    copy = (tmp_path / "train" / "a" / "0.png").read_bytes()
    load(tmp_path, val_fraction=0)
    assert not any("identical files" in message for message in messages)
    (tmp_path / "test" / "b" / "copy.png").write_bytes(copy)
    assert load(tmp_path, val_fraction=0).caveats == ["1 of 3 test images are also in train or val"]
    said = next(message for message in messages if "identical files" in message)
    assert "1 of 3 test images are also used for training" in said and "test/b/copy.png = train/a/0.png" in said


# Tables


@pytest.fixture
def labels(photos, tmp_path):
    """`labels(**columns)` writes a table of the images beside their folder."""

    def write(ending="csv", **columns):
        files = sorted(path.relative_to(tmp_path).as_posix() for path in photos.rglob("*.png"))
        table = polars.DataFrame({"path": files, "label": [name.split("/")[1] for name in files]})
        table = table.with_columns(**{name: polars.Series(values) for name, values in columns.items()})
        path = tmp_path / f"labels.{ending}"
        table.write_csv(path) if ending == "csv" else table.write_parquet(path)
        return path

    return write


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_names_images_relative_to_itself(labels, ending, monkeypatch, tmp_path):
    path = labels(ending)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    data = load(path, image="path", target="label")
    assert data.spec.class_names == ("bright", "dark") and len(data.files) == 30


def test_numbers_are_a_regression(labels):
    values = np.random.default_rng(0).normal(1e6, 2, 30)
    data = load(labels(value=values), image="path", target="value")
    assert (data.spec.task, data.spec.target_names) == ("regression", ("value",))
    targets = torch.cat([targets for _, targets in data.train_dataloader()]).double()
    assert float(targets.mean().abs()) < 1e-6 and abs(float(targets.std(correction=0)) - 1) < 1e-6
    torch.testing.assert_close(data.scaling.target_mean, data.labels[data.rows["train"]].mean(dim=0))


def test_groups_stay_whole_and_a_column_may_say_the_part(labels):
    patients = [f"p{number // 3}" for number in range(30)]
    data = load(labels(patient=patients), image="path", target="label", group="patient", test_fraction=0.3)
    of = dict(zip(data.names, patients, strict=True))
    held = {part: {of[name] for name in names(data, part)} for part in ("train", "val", "test")}
    assert sum(map(len, held.values())) == 10
    split = ["test" if number % 3 else "train" for number in range(30)]
    path = labels(patient=patients, split=split)
    data = load(path, image="path", target="label", split_column="split")
    assert len(data.rows["test"]) == 20 and len(data.rows["val"]) == 2
    with pytest.raises(UserError, match=r"split_column=split puts the group of .*\d\.png into train and into test"):
        load(path, image="path", target="label", split_column="split", group="patient", val_fraction=0)


def test_a_file_that_is_not_there_is_named(labels, photos, messages):
    path = labels()
    (photos / "dark" / "3.png").unlink()
    assert len(load(path, image="path", target="label").files) == 29
    assert any("photos/dark/3.png (there is no such file)" in message for message in messages)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"data\.image= names its column with the paths of the images\. It has: path, label"),
        ({"image": "path"}, r"data\.target= names its column with the values to predict"),
        ({"image": "pfad", "target": "label"}, r"data\.image=pfad is not a column .*Did you mean path\?"),
        ({"image": "label", "target": "path"}, "none of the 30 files is there, the first is bright"),
        ({"image": "path", "target": "label", "task": "regression"}, "data.task=regression needs numbers"),
    ],
)
def test_what_a_table_lacks_is_said(labels, settings, message):
    with pytest.raises(UserError, match=message):
        load(labels(), **settings)


def test_what_a_folder_lacks_is_said(photos, tmp_path):
    with pytest.raises(UserError, match=r"data\.target= names a column of a table"):
        load(photos, target="label")
    with pytest.raises(UserError, match=r"folders are classes: data\.task=regression needs a table"):
        load(photos, task="regression")
    with pytest.raises(UserError, match=r"has 20 images, but no folders: it needs a folder for each class"):
        load(photos / "dark")
    (tmp_path / "bare").mkdir()
    with pytest.raises(UserError, match=r"has no folder that holds any image"):
        load(tmp_path / "bare")
    save(tmp_path / "one" / "a" / "1.png")
    with pytest.raises(UserError, match=r"All 1 images are in one folder, a: at least two classes are needed"):
        load(tmp_path / "one")
    with pytest.raises(UserError, match=r"photo does not exist \(looked in .*\)\. Did you mean photos\?"):
        load(tmp_path / "photo")


# Batches


def test_channels_are_standardised_by_the_training_images(photos):
    data = load(photos)
    inputs = torch.cat([inputs for inputs, _ in data.train_dataloader()]).double()
    assert inputs.shape == (19, 6, 8, 3)
    np.testing.assert_allclose(inputs.mean(dim=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.std(dim=(0, 1, 2), correction=0), 1, atol=1e-6)
    raw, _ = data.arrays("train")
    expected = raw.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(data.scaling.input_mean[0, 0], expected.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(data.scaling.input_std[5, 7], expected.std(axis=0), rtol=1e-12)
    plain = load(photos, standardize=False)
    assert torch.equal(next(iter(plain.test_dataloader()))[0], torch.from_numpy(plain.arrays("test")[0]).float())


def test_the_size_is_the_median_and_at_most_128(tmp_path, messages):
    for number, (height, width) in enumerate([(30, 40), (50, 60), (70, 90)]):
        for kind in ("a", "b"):
            save(tmp_path / kind / f"{number}.png", np.zeros((height, width, 3)) + number)
    assert load(tmp_path, val_fraction=0, test_fraction=0.4).spec.input_shape == (50, 60, 3)
    assert "50 × 60 pixels (from 30 to 70 × 40 to 90, stretched; data.size= says another size)" in "".join(messages)
    assert load(tmp_path, val_fraction=0, test_fraction=0.4, size=16, channels=1).spec.input_shape == (16, 16, 1)
    assert load(tmp_path, val_fraction=0, test_fraction=0.4, size=(9, 7)).spec.input_shape == (9, 7, 3)
    for kind in ("a", "b"):
        for number in range(3, 9):
            save(tmp_path / kind / f"{number}.png", np.zeros((300, 400)) + number, "L")
    assert load(tmp_path).spec.input_shape == (96, 128, 3)


@pytest.fixture
def both(photos):
    """The same images in memory, and read by workers; loaders as a run has them."""

    def make(**settings):
        here, there = load(photos, **settings), load(photos, memory=1e-9, workers=2, **settings)
        for data in (here, there):
            reproducible.make_reproducible(data, 3, reproducible.MetricNames())
        assert here.pixels is not None and there.pixels is None
        return here, there

    return make


def epoch(batches, number, skipped=0):
    batches.set_epoch(number)
    batches.load_state_dict({"taken": skipped})
    return [(inputs.clone(), targets.clone()) for inputs, targets in batches]


def same(first, second):
    return len(first) == len(second) and all(
        torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(first, second, strict=True)
    )


def test_images_that_do_not_fit_in_memory_are_the_same(both):
    here, there = both()
    assert here.spec == there.spec and same(list(here.test_dataloader()), list(there.test_dataloader()))
    for part in ("train", "test"):
        assert all(np.array_equal(one, other) for one, other in zip(here.arrays(part), there.arrays(part), strict=True))
    sums = [sorted(float(x.sum()) for inputs, _ in data.train_dataloader() for x in inputs) for data in (here, there)]
    np.testing.assert_allclose(*sums)
    assert torch.equal(here.training_samples()[1], here.labels[here.rows["train"]])
    with pytest.raises(UserError, match=r"more than data\.memory=1e-09 GiB"):
        there.training_samples()


@pytest.mark.parametrize("augment", [(), ("crop", "flip", "color", "mixup")], ids=["plain", "changed"])
def test_batches_follow_from_seed_and_epoch_and_begin_in_the_middle(both, augment):
    if augment:
        pytest.importorskip("kornia")
    for data in both(augment=augment):
        batches = data.train_dataloader()
        assert isinstance(batches, SeededLoader) == (data.pixels is None)
        first, second = epoch(batches, 0), epoch(batches, 1)
        torch.manual_seed(99)  # what others draw changes nothing
        assert same(epoch(batches, 0), first) and not same(second, first)
        assert same(epoch(batches, 1, skipped=2), second[2:])
        assert same(epoch(data.train_dataloader(), 1, skipped=3), second[3:])


def test_a_file_that_is_lost_while_it_is_trained_on_is_named(photos):
    data = load(photos, memory=1e-9, workers=0)
    lost = names(data, "train")[0]
    (photos / lost).unlink()
    with pytest.raises(UserError, match=f"{lost} could be read when the run began, but not now"):
        list(data.train_dataloader())


# Changes at random


@pytest.fixture
def changed(photos):
    """`changed("flip")` are the images that are trained on in an epoch, and their targets, in units of the file."""
    pytest.importorskip("kornia")

    def make(*changes, **settings):
        data = load(photos, augment=changes, batch_size=100, shuffle=False, standardize=False, **settings)
        (inputs, targets), *_ = data.train_dataloader()
        raw, classes = data.arrays("train")
        return inputs, targets, torch.from_numpy(raw).float(), torch.from_numpy(classes)

    return make


def test_flip_exchanges_left_and_right_in_some_images(changed):
    inputs, _, raw, _ = changed("flip")
    is_flipped = [bool(torch.allclose(one, other.flip(1), atol=1e-3)) for one, other in zip(inputs, raw, strict=True)]
    is_same = [bool(torch.allclose(one, other, atol=1e-3)) for one, other in zip(inputs, raw, strict=True)]
    assert all(flipped != stays for flipped, stays in zip(is_flipped, is_same, strict=True))
    assert 3 <= sum(is_flipped) <= 16


def test_crop_moves_and_color_keeps_the_range(changed):
    inputs, _, raw, _ = changed("crop", size=(16, 24))
    assert inputs.shape == raw.shape
    found = 0
    for one, other in zip(inputs, raw, strict=True):
        padded = torch.nn.functional.pad(other.movedim(-1, 0)[None], (3, 3, 2, 2), mode="reflect")[0].movedim(0, -1)
        found += any(
            torch.allclose(one, padded[top : top + 16, left : left + 24], atol=1e-2)
            for top in range(5)
            for left in range(7)
        )
    assert found == len(raw) and not torch.allclose(inputs, raw, atol=1)
    for channels in (1, 3):
        inputs, _, raw, _ = changed("color", channels=channels)
        assert not torch.allclose(inputs, raw, atol=1) and inputs.min() >= 0 and inputs.max() <= 255.01


def test_mixup_mixes_images_and_targets_alike(changed):
    inputs, targets, raw, classes = changed("mixup")
    assert targets.shape == (len(raw), 2) and torch.allclose(targets.sum(dim=1), torch.ones(len(raw)))
    flat = raw.flatten(1).double()
    shares = torch.linalg.lstsq(flat.T, inputs.flatten(1).double().T).solution.T  # which images each is made of
    torch.testing.assert_close(shares.sum(dim=1).float(), torch.ones(len(raw)), atol=1e-3, rtol=0)
    own = torch.nn.functional.one_hot(classes, 2).double()
    torch.testing.assert_close((shares @ own).float(), targets, atol=1e-3, rtol=0)
    assert ((shares > 0.01).sum(dim=1) == 2).sum() > len(raw) / 2


def test_labels_are_not_mixed(labels):
    pytest.importorskip("kornia")
    columns = {"left": [0, 1] * 15, "right": [0, 0, 1] * 10}
    path = labels(**columns)
    data = load(path, image="path", target=["left", "right"], augment=["mixup"])
    assert data.spec.task == "multilabel"
    with pytest.raises(UserError, match=r"mixup mixes classes or values; these targets are labels"):
        data.train_dataloader()


def test_without_kornia_it_is_asked_for_before_images_are_read(photos, monkeypatch):
    monkeypatch.setattr(augmentation, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"data\.augment=\[flip\] needs kornia: pip install kornia"):
        Images(path="nowhere", augment=("flip",), seed=0).setup()
    assert load(photos).augment == ()


def test_an_error_of_the_machine_leaves_no_image_out(photos, monkeypatch):
    def fails(path):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(files.Image, "open", lambda *_, **__: fails(None))
    with pytest.raises(OSError, match="Too many open files"):
        load(photos)
