"""Classes in the plane have the shapes, the spread and the points that they state."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

from {{ cookiecutter.package_name }}.data.planar import Blobs, Circles, Moons


@pytest.fixture
def points(tmp_path):
    """Return all points and classes of a data set, those of the test last."""

    def make(kind, **settings):
        data = kind(folder=str(tmp_path), val_fraction=0, seed=0, **settings)
        data.setup()
        assert data.spec.output_size == len(kind.class_names)
        return (np.concatenate(both) for both in zip(data.arrays("train"), data.arrays("test"), strict=True))

    return make


def test_moons_are_those_of_scikit_learn(points, tmp_path):
    expected, numbers = make_moons(500, noise=0.3, random_state=0)
    found, classes = points(Moons, num_samples=500, noise=0.3)
    assert np.array_equal(found, expected.astype(np.float32)) and np.array_equal(classes, numbers)
    points(Moons, num_samples=500, noise=0.4)
    assert len(list(tmp_path.glob("*.npz"))) == 2, "other moons are kept apart"


def test_circles_have_their_radii(points):
    found, classes = points(Circles, num_samples=5000, noise=0.1)
    radii = np.linalg.norm(found, axis=1)
    assert [radii[classes == c].mean() for c in (0, 1)] == pytest.approx([1.0, 0.5], abs=0.02)


def test_blobs_have_their_centres_and_their_spread(points):
    found, classes = points(Blobs, num_samples=5000, noise=0.7)
    for number, centre in enumerate([(-2, 0), (2, 0), (0, 3)]):
        assert found[classes == number].mean(axis=0) == pytest.approx(centre, abs=0.06)
        assert found[classes == number].std(axis=0) == pytest.approx([0.7, 0.7], rel=0.06)
