"""task=auto and loss=auto follow from the data, and say what they do not know."""

import pytest
from hyperplane import DataSpec, UserError
from torch import nn

from {{ cookiecutter.package_name }}.losses import auto as losses
from {{ cookiecutter.package_name }}.tasks import auto as tasks


@pytest.mark.parametrize("task", [*losses.LOSSES, "matching", ""])
def test_data_that_nothing_follows_from_are_refused_in_a_sentence(monkeypatch, task):
    for module in (losses, tasks):
        monkeypatch.setattr(module, "find_spec", lambda *_: None)  # as if the file of this task were gone
    with pytest.raises(UserError, match=r"knows no loss for data for .*choose one with loss="):
        losses.auto(DataSpec(task), nn.Identity())
    with pytest.raises(UserError, match="Choose a task of your own"):
        tasks.auto(DataSpec(task), nn.Identity(), nn.Identity(), nn.Identity(), None)
