"""The loss of quantiles is that of scikit-learn."""

import pytest
import torch
from hyperplane import DataSpec, PanelSpec, UserError
from sklearn.metrics import mean_pinball_loss

from {{ cookiecutter.package_name }}.losses.forecasting import Quantile

PANEL = PanelSpec(encoder_length=2, decoder_length=3, quantiles=(0.1, 0.7), target="y")


def test_by_hand():
    spec = PanelSpec(encoder_length=2, decoder_length=1, quantiles=(0.1, 0.9), target="y")
    outputs, targets = torch.tensor([[[1.0, 5.0]], [[2.0, 4.0]]]), torch.tensor([[3.0], [1.0]])
    # 3 lies 2 above 1 and 2 below 5; 1 lies 1 below 2 and 3 below 4
    assert Quantile(spec)(outputs, targets).item() == pytest.approx((0.1 * 2 + 0.1 * 2 + 0.9 * 1 + 0.1 * 3) / 4)


@pytest.mark.parametrize("weights", [None, torch.arange(10) / 3])
def test_it_is_that_of_scikit_learn(weights):
    quantiles, targets = torch.randn(10, 3, 2), torch.randn(10, 3)
    low = mean_pinball_loss(targets, quantiles[..., 0], sample_weight=weights, alpha=0.1)
    high = mean_pinball_loss(targets, quantiles[..., 1], sample_weight=weights, alpha=0.7)
    assert Quantile(PANEL)(quantiles, targets, weights).item() == pytest.approx((low + high) / 2, rel=1e-5)
    assert Quantile(PANEL)(quantiles, targets, torch.zeros(10)) == 0


def test_data_that_are_no_panel_are_refused():
    with pytest.raises(UserError, match=r"for forecasting, but these data are for regression\. loss=auto"):
        Quantile(DataSpec("regression", (4,), 2))
