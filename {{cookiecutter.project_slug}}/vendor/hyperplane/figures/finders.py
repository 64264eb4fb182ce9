"""What `find=` has tried: the loss of learning rates, the speed of batch sizes."""

from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from .style import FIT_COLOR, PANEL, STAGES, new_figure


def tried_learning_rates(losses: dict[float, float], found: float) -> Figure:
    """Draw the smoothed loss of each learning rate, in ascending order."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    axes.plot(list(losses), list(losses.values()), color=STAGES["train"]["color"])
    axes.axvline(found, color=FIT_COLOR, linestyle="--", label=f"falls fastest at {found:g}")
    axes.set_xscale("log")
    lowest = min(losses.values())
    height = max(next(iter(losses.values())) - lowest, 1e-6)  # what it fell; where it breaks down it leaves the picture
    axes.set_ylim(lowest - 0.1 * height, lowest + 1.5 * height)
    axes.set_title("Loss while the learning rate is raised")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss (smoothed)")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def tried_batch_sizes(speeds: dict[float, float], found: float) -> Figure:
    """Draw the samples per second of each batch size."""
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    axes.plot(list(speeds), list(speeds.values()), color=STAGES["train"]["color"], marker="o")
    axes.axvline(found, color=FIT_COLOR, linestyle="--", label=f"hardly faster beyond {found:g}")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylim(bottom=0)
    axes.set_title("Speed of training by batch size")
    axes.set_xlabel("batch size (samples)")
    axes.set_ylabel("samples per second")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
