"""How samples are divided for a cross-validation: fold k of K is tested, the others are trained and validated on.

train -m data.folds=5 data.fold=0,1,2,3,4

The folds do not depend on the seed of a run, so that runs of other seeds repeat the same five tests.

samples         shuffled by a generator of their own, then dealt to the folds like cards: sizes differ by one at most
classes         each is dealt out in turn, so its samples in two folds differ by one at most; for multilabel a class is
                what labels a sample has together
groups          all samples of one, such as the measurements of a patient, are in the same fold: the largest first, each
                goes where there is least of its classes
time steps      of a panel: K blocks that follow each other, after a first one that is always trained on; a fold is
                trained on all that comes before its block
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

FOLD_SEED = 0  # of the shuffling


def strata(targets: NDArray[Any], task: str) -> NDArray[np.int64]:
    """Return for each sample what its fold should have its share of: its class, or its labels together.

    Targets are class numbers (samples,), or labels (samples, K); all others, dense ones too, are of one kind.
    """
    if task == "classification" and targets.ndim == 1:
        return np.unique(targets, return_inverse=True)[1].astype(np.int64)
    if task == "multilabel" and targets.ndim == 2:
        return np.unique(targets, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.zeros(len(targets), np.int64)


def fold_of_samples(folds: int, kinds: NDArray[np.int64], groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Return the fold of each sample (samples,), from 0 to folds − 1.

    `kinds` are those of `strata`; groups are numbered from 0 on (samples,), without them each sample may go anywhere.

    Raises:
        UserError: there are fewer samples, or groups, than folds.
    """
    if groups is not None:
        return fold_of_groups(folds, kinds, groups)[groups]
    if len(kinds) < folds:
        raise UserError(f"data.folds={folds}, but there are only {len(kinds)} samples")
    shuffled = np.random.default_rng(FOLD_SEED).permutation(len(kinds))
    by_kind = shuffled[np.argsort(kinds[shuffled], kind="stable")]
    numbers = np.empty(len(kinds), np.int64)
    numbers[by_kind] = np.arange(len(kinds)) % folds
    return numbers


def fold_of_groups(folds: int, kinds: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold of each group (groups,)."""
    sizes = np.bincount(groups)
    if len(sizes) < folds:
        raise UserError(f"data.folds={folds}, but data.group= makes only {len(sizes)} groups, which stay whole")
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    held = np.zeros((folds, int(kinds.max()) + 1), np.int64)  # samples of each kind in each fold
    fold_of = np.empty(len(sizes), np.int64)
    shuffled = np.random.default_rng(FOLD_SEED).permutation(len(sizes))
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        counts = np.bincount(kinds[members[group]], minlength=held.shape[1])
        fold_of[group] = np.lexsort((held.sum(axis=1), held @ counts))[0]
        held[fold_of[group]] += counts
    return fold_of


def whole_groups(share: float, groups: NDArray[np.int64], seed: int, key: str) -> NDArray[np.bool_]:
    """Return which samples to hold out (samples,): whole groups, drawn with `seed`, about `share` of all samples.

    Raises:
        UserError: there is only one group.
    """
    names, numbers = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise UserError(f"{key}={share} holds out whole groups, but there is only one group: data.group= names another")
    order = np.random.default_rng(seed).permutation(len(names))
    reached = np.cumsum(np.bincount(numbers)[order])[:-1]  # at least one group stays
    count = 1 + int(np.abs(reached - share * len(groups)).argmin())
    return np.isin(numbers, order[:count])


def blocks(steps: int, folds: int) -> Sequence[tuple[int, int]]:
    """Return the first and the end of the time steps that each fold tests, counted from 0.

    Raises:
        UserError: there are too few steps.
    """
    length = steps // (folds + 1)
    if not length:
        raise UserError(f"data.folds={folds}, but there are only {steps} time steps; at least {folds + 1} are needed")
    first = steps - folds * length
    return [(first + fold * length, first + (fold + 1) * length) for fold in range(folds)]
