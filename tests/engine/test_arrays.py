"""Arrays of any shape: dense targets, tokens, labels and weights are counted, scaled and cut into batches rightly."""

import numpy as np
import pytest
import torch
from hyperplane.data import batches
from hyperplane.data.arrays import IGNORED
from hyperplane.data.batches import Batches, evaluation_batch
from hyperplane.data.datamodule import EVALUATION_BATCH, ArrayDataModule, Arrays
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError

RANDOM = np.random.default_rng(0)
SAMPLES, TESTED = 50, 10


class Given(ArrayDataModule):
    """A data set of the arrays that it is given."""

    def __init__(self, arrays, spec, **loading):
        super().__init__(**{"batch_size": 10, "val_fraction": 0.2, "seed": 0} | loading)
        self.arrays_given, self.spec = arrays, spec

    def load(self):
        return self.arrays_given


def ready(inputs, targets, spec, weights=None, **loading):
    """The data set of these samples, the last of which are the test."""
    columns = [inputs, targets, *([] if weights is None else [weights])]
    (x, y, *w), (test_x, test_y, *test_w) = (
        [column[rows] for column in columns] for rows in (slice(40), slice(40, None))
    )
    data = Given(Arrays(x, y, test_x, test_y, *w, *test_w), spec, **loading)
    data.setup()
    return data


IMAGES = RANDOM.normal(5, 2, (SAMPLES, 4, 6, 1))
PIXELS = RANDOM.integers(0, 3, (SAMPLES, 4, 6)).astype(np.uint8)
TEXTS = RANDOM.integers(0, 7, (SAMPLES, 9))


def test_pixels_are_counted_and_images_scaled():
    data = ready(IMAGES, PIXELS, DataSpec("classification", (4, 6, 1), 3), standardize=True)
    inputs, targets = data.parts["train"]
    assert inputs.dtype == torch.float32 and targets.dtype == torch.int64 and targets.shape == (32, 4, 6)
    assert data.spec.class_counts == tuple(np.bincount(targets.flatten(), minlength=3)) and data.spec.train_size == 32
    assert torch.allclose(inputs.mean(dim=0), torch.zeros(4, 6, 1), atol=1e-5)


def test_what_a_text_is_padded_with_is_no_class():
    targets = TEXTS.copy()
    targets[:, 6:] = IGNORED
    data = ready(TEXTS, targets, DataSpec("classification", (9,), 7), val_fraction=0)
    assert data.spec.class_counts == tuple(np.bincount(TEXTS[:40, :6].flatten(), minlength=7))


def test_tokens_are_never_scaled():
    data = ready(TEXTS.astype(np.int32), TEXTS, DataSpec("classification", (9,), 7), standardize=True)
    inputs, targets = next(iter(data.train_dataloader()))
    assert inputs.dtype == targets.dtype == torch.int64 and torch.equal(inputs, targets)
    assert torch.equal(data.scaling(inputs), inputs)


def test_labels_are_counted_and_stay_zero_and_one():
    labels = RANDOM.random((SAMPLES, 3)) > 0.5
    data = ready(IMAGES, labels, DataSpec("multilabel", (4, 6, 1), 3), standardize=True, val_fraction=0)
    targets = data.parts["train"][1]
    assert targets.dtype == torch.float32 and targets.unique().tolist() == [0, 1]
    assert data.spec.class_counts == tuple(labels[:40].sum(axis=0))


def test_values_of_one_target_are_a_column():
    data = ready(IMAGES, RANDOM.normal(size=SAMPLES), DataSpec("regression", (4, 6, 1), 1))
    assert data.parts["train"][1].shape == (32, 1) and data.parts["train"][1].dtype == torch.float32


def test_dense_values_are_scaled_in_each_place_and_their_scaling_is_read_back():
    depths = RANDOM.normal(3, 2, (SAMPLES, 1, 4, 6))
    data = ready(IMAGES, depths, DataSpec("regression", (4, 6, 1), 1), standardize=True)
    again = Scaling(data.spec)
    again.load_state_dict(data.scaling.state_dict())
    units = again.to_units(data.parts["test"][1])
    assert torch.allclose(units, torch.from_numpy(depths[40:]), atol=1e-5)


def test_weights_travel_with_their_samples():
    weights = np.arange(SAMPLES, dtype=float)
    inputs = np.repeat(weights[:, None], 2, axis=1)
    data = ready(inputs, np.arange(SAMPLES) % 2, DataSpec("classification", (2,), 2), weights)
    assert data.spec.has_weights and not ready(inputs, np.arange(SAMPLES) % 2, data.spec).spec.has_weights
    for part, samples in (("train", 32), ("val", 8), ("test", 10)):
        seen = [batch for batch in (data.train_dataloader() if part == "train" else data.evaluation_batches(part))]
        assert sum(len(w) for _, _, w in seen) == samples
        assert all(torch.equal(x[:, 0], w) and w.dtype == torch.float32 for x, _, w in seen)
    with pytest.raises(UserError, match="does not take the weights of samples"):
        data.training_samples()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"train_targets": np.zeros(39, int)},
            r"The train samples have 40 inputs, 39 targets: each sample needs one",
        ),
        ({"test_targets": np.full(10, 3)}, r"A test target is class 3, but spec\.output_size=3: .* from 0 to 2"),
        ({"train_targets": np.full(40, -1)}, r"A train target is class -1"),
        ({"train_weights": -np.ones(40), "test_weights": np.ones(10)}, r"The train samples have a weight that is neg"),
        ({"train_weights": np.ones(40)}, r"Either both the train and the test samples have weights, or none"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(change, message):
    arrays = Arrays(IMAGES[:40], np.zeros(40, int), IMAGES[40:], np.zeros(10, int))._replace(**change)
    with pytest.raises(UserError, match=message):
        Given(arrays, DataSpec("classification", (4, 6, 1), 3)).setup()


@pytest.mark.parametrize(
    ("sample_bytes", "samples"), [(0, 4096), (2**14, 4096), (2**15, 2048), (2**20, 64), (2**30, 1)]
)
def test_large_samples_are_evaluated_in_small_batches(sample_bytes, samples):
    assert evaluation_batch(EVALUATION_BATCH, sample_bytes) == samples


def test_inputs_and_outputs_of_an_evaluation_stay_within_their_bytes(monkeypatch):
    data = ready(IMAGES, PIXELS, DataSpec("classification", (4, 6, 1), 100), val_fraction=0.5)
    of_a_sample = 24 * (4 + 8 + 4 * 100)  # a pixel's value, its class number, and 100 logits
    monkeypatch.setattr(batches, "EVALUATION_BYTES", 7 * of_a_sample)
    assert [len(inputs) for inputs, _ in data.evaluation_batches("val")] == [7, 7, 6]
    monkeypatch.setattr(batches, "EVALUATION_BYTES", 1)
    assert [len(inputs) for inputs, _ in data.val_dataloader()] == [1] * 20


def test_a_batch_can_be_made_of_what_was_drawn():
    class Texts(Batches):  # as its documentation has it
        def __init__(self, text, length, batch_size, seed=None):
            super().__init__((torch.arange(len(text) - length),), batch_size, seed)
            self.text, self.length = text, length

        def complete(self, batch):
            (starts,) = batch
            window = self.text[starts[:, None] + torch.arange(self.length + 1)]
            return window[:, :-1], window[:, 1:]

    text = torch.arange(100) ** 2
    seen = list(Texts(text, 5, 8, seed=1))
    assert sum(len(tokens) for tokens, _ in seen) == 95 and seen[0][0].shape == (8, 5)
    assert all(torch.equal(following[:, :-1], tokens[:, 1:]) for tokens, following in seen)
