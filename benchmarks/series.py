"""Time series to forecast: simulated ones of many kinds, and public ones that statsmodels ships.

Those with even seeds are for choosing how the engine forecasts, those with odd seeds for reporting how well it does.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Series(NamedTuple):
    """A file of one or several series, and what the columns are."""

    name: str
    path: Path
    time: str
    target: str
    others: tuple[str, ...] = ()  # settings of data=panel for further columns

    @classmethod
    def read(cls, text: str) -> "Series":
        """Return what `airline.csv:date:passengers` names."""
        path, time, target = text.rsplit(":", 2)
        return cls(Path(path).stem, Path(path).resolve(), time, target)

    @property
    def words(self) -> tuple[str, ...]:
        """The settings that choose it."""
        return (
            "data=panel",
            f"data.path={self.path}",
            f"data.time={self.time}",
            f"data.target={self.target}",
            *self.others,
        )


def walk(random: np.random.Generator) -> dict[str, Any]:
    """Return a random walk, with a drift in half of the cases."""
    return {"value": np.cumsum(random.normal(random.choice([0, 0.2]), 1, 300))}


def ar2(random: np.random.Generator) -> dict[str, Any]:
    """Return a stationary autoregression, whose roots turn or not."""
    radius, angle = random.uniform(0.5, 0.95), random.choice([0, random.uniform(0.3, 2.5)])
    return {"value": 10 + autoregression(random, [2 * radius * np.cos(angle), -(radius**2)], 300)}


def cycle(random: np.random.Generator) -> dict[str, Any]:
    """Return cycles of about eleven steps above 0, whose heights are skewed as those of sunspots are."""
    wave = autoregression(random, [2 * 0.97 * np.cos(2 * np.pi / random.uniform(9, 13)), -(0.97**2)], 300)
    return {"value": 40 * np.exp(0.6 * (wave - wave.mean()) / wave.std())}


def additive(random: np.random.Generator) -> dict[str, Any]:
    """Return a trend, a season on it and noise."""
    return {"value": trend(random, 240) + 5 * season(random, 240) + random.normal(0, random.uniform(0.3, 2), 240)}


def multiplicative(random: np.random.Generator) -> dict[str, Any]:
    """Return growth that a season and noise multiply."""
    steps = np.arange(200)
    growth = 100 * np.exp(random.uniform(0.001, 0.01) * steps)
    return {"value": growth * np.exp(0.2 * season(random, 200) + random.normal(0, random.uniform(0.02, 0.06), 200))}


def shifts(random: np.random.Generator) -> dict[str, Any]:
    """Return an autoregression whose level jumps now and then."""
    jumps = np.where(random.random(400) < 0.01, random.normal(0, 8, 400), 0)
    return {"value": np.cumsum(jumps) + autoregression(random, [0.5, 0], 400)}


def straight(random: np.random.Generator) -> dict[str, Any]:
    """Return a straight line and noise."""
    return {"value": random.uniform(-0.3, 0.3) * np.arange(150) + autoregression(random, [random.uniform(0, 0.6)], 150)}


def counts(random: np.random.Generator) -> dict[str, Any]:
    """Return counts, most of which are 0."""
    return {"value": random.poisson(random.uniform(0.3, 1.5) * np.exp(0.5 * season(random, 300))).astype(float)}


def variance(random: np.random.Generator) -> dict[str, Any]:
    """Return an autoregression whose spread wanders by itself."""
    spread = np.exp(autoregression(random, [0.97], 400) * 0.2)
    return {"value": autoregression(random, [random.uniform(0, 0.8)], 400, spread)}


def short(random: np.random.Generator) -> dict[str, Any]:
    """Return 60 steps of one of the other kinds."""
    made = random.choice([walk, ar2, additive, multiplicative, straight])(random)  # type: ignore[arg-type]
    return {"value": made["value"][-60:]}


def long(random: np.random.Generator) -> dict[str, Any]:
    """Return 3,000 hours with a season of a day, another level at weekends and a slow autoregression."""
    steps = np.arange(3000)
    daily = 3 * np.sin(2 * np.pi * steps / 24 + random.uniform(0, 6)) + np.cos(4 * np.pi * steps / 24)
    return {"value": daily - 2 * (steps // 24 % 7 >= 5) + autoregression(random, [0.9], 3000) * 0.5}


def panel(random: np.random.Generator) -> dict[str, Any]:
    """Return six series of one season, whose levels and spreads differ by factors of up to a hundred."""
    shape = season(random, 150)
    made = [
        10 ** random.uniform(0, 2) * (random.uniform(2, 9) + shape + autoregression(random, [0.7], 150) * 0.3)
        for _ in range(6)
    ]
    return {"value": np.concatenate(made), "shop": np.repeat([f"shop {number}" for number in range(6)], 150)}


def covariates(random: np.random.Generator) -> dict[str, Any]:
    """Return sales that a price and days of action, both known in advance, move."""
    price, action = np.round(random.uniform(1, 3, 300), 2), random.random(300) < 0.1
    noise = autoregression(random, [0.6], 300)
    return {"value": 30 - 4 * price + 8 * action + noise, "price": price, "action": np.where(action, "yes", "no")}


def autoregression(random: np.random.Generator, weights: list[float], length: int, spread: Any = 1.0) -> Values:
    """Return yₜ = Σᵢ wᵢ yₜ₋ᵢ + εₜ, after as many steps that are thrown away."""
    noise = random.normal(0, 1, 2 * length) * np.broadcast_to(np.tile(np.broadcast_to(spread, length), 2), 2 * length)
    values = list(np.zeros(len(weights)))
    for error in noise:
        values.append(float(np.dot(weights, values[: -len(weights) - 1 : -1]) + error))
    return np.array(values[-length:])


def season(random: np.random.Generator, length: int) -> Values:
    """Return a season of 4, 7 or 12 steps with standard deviation 1."""
    shape = random.normal(size=int(random.choice([4, 7, 12])))
    return np.resize((shape - shape.mean()) / shape.std(), length)


def trend(random: np.random.Generator, length: int) -> Values:
    """Return a line that bends slowly."""
    return np.cumsum(random.normal(0, 0.05) + np.cumsum(random.normal(0, 0.01, length)))


KINDS: tuple[Callable[[np.random.Generator], dict[str, Any]], ...] = (
    walk,
    ar2,
    cycle,
    additive,
    multiplicative,
    shifts,
    straight,
    counts,
    variance,
    short,
    long,
    panel,
    covariates,
)
OTHERS = {
    "panel": ("data.groups=[shop]",),
    "covariates": ("data.known_reals=[price]", "data.known_categoricals=[action]"),
}


def simulated(folder: Path, seeds: list[int]) -> Iterator[Series]:
    """Write the series of each kind with each seed, and return what they are."""
    for number, kind in enumerate(KINDS):
        for seed in seeds:
            columns = kind(np.random.default_rng([number, seed]))
            length = len(columns["value"]) // (6 if kind is panel else 1)
            days = [str(date(2000, 1, 1) + timedelta(days)) for days in range(length)]
            columns = {"day": np.resize(days, len(columns["value"])), **columns}
            name = f"{kind.__name__}-{seed}"
            path = write(folder / f"{name}.csv", columns)
            yield Series(name, path, "day", "value", OTHERS.get(kind.__name__, ()))


def of_statsmodels(folder: Path) -> Iterator[Series]:
    """Write the public series that statsmodels ships, and return what they are."""
    datasets = import_module("statsmodels.datasets")
    quarters = datasets.macrodata.load_pandas().data
    quarter = [f"{int(year)}Q{int(number)}" for year, number in zip(quarters.year, quarters.quarter, strict=True)]
    for name in ("realgdp", "realinv", "infl", "unemp"):
        path = write(folder / f"{name}.csv", {"quarter": quarter, name: quarters[name]})
        yield Series(name, path, "quarter", name)
    nile = datasets.nile.load_pandas().data
    yield Series(
        "nile", write(folder / "nile.csv", {"year": nile.year.astype(int), "volume": nile.volume}), "year", "volume"
    )
    monthly = datasets.co2.load_pandas().data.co2.resample("MS").mean().interpolate()
    path = write(folder / "co2.csv", {"month": monthly.index.strftime("%Y-%m"), "co2": monthly})
    yield Series("co2", path, "month", "co2")
    sea = datasets.elnino.load_pandas().data
    month = [f"{int(year)}-{number:02}" for year in sea.YEAR for number in range(1, 13)]
    path = write(folder / "elnino.csv", {"month": month, "temperature": sea.drop(columns="YEAR").to_numpy().ravel()})
    yield Series("elnino", path, "month", "temperature")


def write(path: Path, columns: dict[str, Any]) -> Path:
    """Write columns as a CSV file, and return where it is."""
    rows = zip(*(list(map(str, values)) for values in columns.values()), strict=True)
    path.write_text("\n".join(",".join(row) for row in [tuple(columns), *rows]) + "\n")
    return path
