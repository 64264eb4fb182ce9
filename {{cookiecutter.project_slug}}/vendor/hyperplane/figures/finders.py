"""What `find=` has tried: the loss of learning rates, the speed of batch sizes."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from .style import FIT_COLOR, PANEL, STAGES, new_figure


def tried_learning_rates(losses: dict[float, float], found: float) -> Figure:
    """Draw the smoothed loss of each learning rate, in ascending order."""
    figure, axes = tried(losses, found, f"falls fastest at {found:g}")
    axes.set_xscale("log")
    lowest = min(losses.values())
    height = max(next(iter(losses.values())) - lowest, 1e-6)  # what it fell; where it breaks down it leaves the picture
    axes.set_ylim(lowest - 0.1 * height, lowest + 1.5 * height)
    axes.set_title("Loss while the learning rate is raised")
    axes.set(xlabel="learning rate", ylabel="training loss (smoothed)")
    return figure


def tried_batch_sizes(speeds: dict[float, float], found: float) -> Figure:
    """Draw the samples per second of each batch size."""
    figure, axes = tried(speeds, found, f"hardly faster beyond {found:g}", marker="o")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylim(bottom=0)
    axes.set(title="Speed of training by batch size", xlabel="batch size (samples)", ylabel="samples per second")
    return figure


def tried(values: dict[float, float], found: float, label: str, marker: str = "") -> tuple[Figure, Axes]:
    """Return a figure with what was measured of each number that was tried, and a line at the one that was found."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    axes.plot(list(values), list(values.values()), color=STAGES["train"]["color"], marker=marker)
    axes.axvline(found, color=FIT_COLOR, linestyle="--", label=label)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure, axes
