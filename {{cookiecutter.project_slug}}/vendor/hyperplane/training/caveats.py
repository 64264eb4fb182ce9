"""What has to be known of a run before its figures are compared with others: each a line, with what helps."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..metrics.metric_names import naive_name, written
from ..settings import Settings
from .trend import FASTER, trend_of

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

CURVE = "val/loss"


class Floored(NamedTuple):
    """A metric in which a model is compared with a naive one."""

    name: str
    is_higher: bool  # whether that is better
    naive: str  # what the naive one names
    margin: float = 1.0  # of the floor, that an error may reach


FLOORED = (  # the first that was measured
    Floored("accuracy", True, "the most frequent class"),
    Floored("r2", True, "the mean of the training targets"),
    Floored("quantile_loss", False, "a naive forecast", margin=1.05),
    Floored("loss", False, "a model that knows only the training targets"),
)


def caveats(
    settings: Settings, trainer: "Trainer", rows: Sequence[Mapping[str, float]], tested: Mapping[str, float]
) -> list[str]:
    """Return what has to be said of a run that ended."""
    found = [unfinished(settings, trainer, rows), no_numbers([*rows, tested])]
    if not found[0]:
        found.append(below_floor(settings, trainer, tested))
    if not settings.is_solved and reached_its_end(trainer):
        found.insert(0, cut_short(settings, trainer, [row[CURVE] for row in rows if CURVE in row]))
    return [caveat for caveat in found if caveat]


def unfinished(settings: Settings, trainer: "Trainer", rows: Sequence[Mapping[str, float]]) -> str:
    """Return what to say of a run whose weights were hardly trained or not chosen, whatever they reach; or nothing."""
    for key in ("fast_dev_run", "overfit_batches"):
        if getattr(settings.trainer, key):
            return f"trainer.{key} tries out a few batches: these are no results"
    if not trainer.fit_loop.epoch_loop.batch_progress.total.ready and not settings.is_solved:
        return "No batch was trained on: the weights are those of the start"
    is_chosen = any(getattr(one, "score", None) is not None for one in trainer.checkpoint_callbacks)
    is_validated = any(name.startswith("val/") for row in rows for name in row)  # and it was never a number
    if is_chosen or is_validated or not trainer.enable_validation or not settings.tests_best:
        return ""
    return (
        "There was no validation before the training ended: the last weights were tested, not the best. Validate more "
        "often, with trainer.check_val_every_n_epoch or trainer.val_check_interval, or train longer"
    )


def no_numbers(measured: Sequence[Mapping[str, float]]) -> str:
    """Return what to say of metrics that were measured and never a number, in no epoch and no test; or nothing."""
    names = dict.fromkeys(name for row in measured for name in row)
    never = [name for name in names if all(math.isnan(row[name]) for row in measured if name in row)]
    if not never:
        return ""
    return (
        f"{', '.join(never)} {'was' if len(never) == 1 else 'were'} never a number: there is nothing to measure. "
        "Look at the data, or choose other metrics with task.metrics"
    )


def reached_its_end(trainer: "Trainer") -> bool:
    """Say whether the number of epochs or steps ended the training, and nothing that looked at how it went."""
    steps, epochs = trainer.max_steps, trainer.max_epochs
    return 0 <= steps <= trainer.global_step or (epochs is not None and 0 <= epochs <= trainer.current_epoch)


def longer(trainer: "Trainer") -> str:
    """Return the override that trains twice as long."""
    if 0 <= trainer.max_steps <= trainer.global_step:
        return f"trainer.max_steps={2 * trainer.global_step}"
    return f"trainer.max_epochs={2 * max(1, trainer.current_epoch)}"


def cut_short(settings: Settings, trainer: "Trainer", losses: Sequence[float]) -> str:
    """Return what to say of a validation loss that was still falling, or nothing."""
    rate = getattr(settings.optimizer, "lr", None) if settings.task.asks_for("optimizer") else None
    trend = trend_of(losses, settings.scheduler is None)
    if trend == "steady" and isinstance(rate, float) and not settings.optimizer.states("reevaluates_loss"):
        return (
            f"{CURVE} fell as fast at the end as at the start: optimizer.lr={rate:g} is far too low. "
            f"Try optimizer.lr={FASTER * rate:g}, or find=lr"
        )
    if trend is not None:
        return f"{CURVE} was still falling when the training ended: the run was cut short. Try {longer(trainer)}"
    return ""


def below_floor(settings: Settings, trainer: "Trainer", tested: Mapping[str, float]) -> str:
    """Return what to say of a model that a naive one beats, or nothing."""
    compared = next((one for one in FLOORED if math.isfinite(reached_and_floor(tested, one.name)[1])), None)
    if compared is None or not math.isfinite(reached_and_floor(tested, compared.name)[0]):
        return ""
    reached, floor = reached_and_floor(tested, compared.name)
    loss, naive_loss = reached_and_floor(tested, "loss")
    is_worse = reached < floor if compared.is_higher else reached > compared.margin * floor
    if not is_worse and (reached != floor or loss < naive_loss):
        return ""
    if compared.name == "quantile_loss":
        if not floor:
            return (
                "A naive forecast makes no error on the test windows, which are constant or repeat themselves: "
                "no model can do better there"
            )
        remedy = "data.scale=window, " if getattr(settings.data, "scale", "window") != "window" else ""
        verdict = (
            "A naive forecast is better than this model" if is_worse else "This model is as good as a naive forecast"
        )
        more = f"more epochs ({longer(trainer)}), or " if reached_its_end(trainer) else ""
        return f"{verdict} on the test windows. What may help: {remedy}{more}a data.encoder_length that covers a season"
    than = "no better than" if not is_worse else "below" if compared.is_higher else "above"
    remedies = [longer(trainer)] if reached_its_end(trainer) else []  # and not where it was stopped before
    if not settings.optimizer.states("reevaluates_loss"):
        remedies.append("find=lr for another optimizer.lr")
    remedy = "" if settings.is_solved or not remedies else f"Try {', or '.join(remedies)}"
    return (
        f"test/{compared.name} {written(reached)} is {than} the {written(floor)} of {compared.naive}. {remedy}".rstrip()
    )


def reached_and_floor(tested: Mapping[str, float], name: str) -> tuple[float, float]:
    """Return a metric of the test, and that of the naive model; not a number where it was not measured."""
    metric = f"test/{name}"
    return tested.get(metric, math.nan), tested.get(naive_name(metric), math.nan)
