"""Figures of a run, drawn from plain arrays: no display, no torch. matplotlib takes a second to import."""

from .classification import confusion_matrix
from .curves import METRIC_LABELS, learning_curves
from .regions import LabelledPoints, Panel, compare_regions, decision_regions
from .regression import fitted_line, fitted_surface, residuals
from .style import CLASS_COLORS, DPI, FIT_COLOR, PANEL, STAGES, new_figure, save

__all__ = [
    "CLASS_COLORS",
    "DPI",
    "FIT_COLOR",
    "METRIC_LABELS",
    "PANEL",
    "STAGES",
    "LabelledPoints",
    "Panel",
    "compare_regions",
    "confusion_matrix",
    "decision_regions",
    "fitted_line",
    "fitted_surface",
    "learning_curves",
    "new_figure",
    "residuals",
    "save",
]
