"""Figures of a run, drawn from plain arrays: no display, no torch. matplotlib takes a second to import."""

from .classification import confusion_matrix
from .curves import METRIC_LABELS, learning_curves
from .finders import tried_batch_sizes, tried_learning_rates
from .forecasting import Forecast, attention_over_time, forecasts, variable_importances
from .images import misclassified
from .regions import LabelledPoints, Subplot, compare_regions, decision_regions
from .regression import fitted_line, fitted_surface, r2_by_target, residuals
from .style import CLASS_COLORS, new_figure, save
from .texts import ExplainedText, explained_texts, words_that_mattered

__all__ = [
    "CLASS_COLORS",
    "METRIC_LABELS",
    "ExplainedText",
    "Forecast",
    "LabelledPoints",
    "Subplot",
    "attention_over_time",
    "compare_regions",
    "confusion_matrix",
    "decision_regions",
    "explained_texts",
    "fitted_line",
    "fitted_surface",
    "forecasts",
    "learning_curves",
    "misclassified",
    "new_figure",
    "r2_by_target",
    "residuals",
    "save",
    "tried_batch_sizes",
    "tried_learning_rates",
    "variable_importances",
    "words_that_mattered",
]
