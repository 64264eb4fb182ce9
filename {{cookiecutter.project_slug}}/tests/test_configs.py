"""Every file under configs/ is a choice that works. They are found by listing: yours are tested with the others."""

import pytest
from hyperplane import DataSpec, UserError
from hyperplane.configs import COLLECTIONS
from torch import nn

from {{ cookiecutter.package_name }} import PROJECT
from {{ cookiecutter.package_name }}.losses import auto as losses
from {{ cookiecutter.package_name }}.tasks import auto as tasks

CHOICES = [(path.parent.name, path.stem) for path in sorted(PROJECT.configs.glob("*/*.yaml"))]
LABELS = ("data=table", "data.path=labels.csv", "data.target=[loud,red]")  # a file with two labels in each row
CORPUS = ("data=corpus", "data.path=labels.csv", "data.length=8")  # the same file is a text
OTHERS = [(), LABELS, CORPUS, *((f"{group}={name}",) for group, name in CHOICES if group in ("data", "model"))]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_a_choice_trains_on_data_that_fit(train, tmp_path, group, name):
    rows = "".join(f"{i},{i % 7},{i % 2},{i % 3 // 2}\n" for i in range(60))
    (tmp_path / "labels.csv").write_text(f"a,b,loud,red\n{rows}", encoding="utf-8")
    choice = f"{group}=[{name}]" if group in COLLECTIONS else f"{group}={name}"
    fewer = ["model.num_features=84"] if name == "rocket" else []  # all 9,996 take a minute under coverage
    lines = (PROJECT.configs / group / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    if group == "tracking" or any("???" in line for line in lines):  # needs a server, or a file of yours
        first = next(line for line in lines if line[:1] not in ("", "#"))
        assert first in train(choice, "--cfg", "job", "--package", group).said
        return
    for others in OTHERS:  # besides the defaults
        if not others or not others[0].startswith(f"{group}="):
            done = train(choice, *others, *fewer, "trainer.max_steps=-1", "figures=true", status=None)
            if done.status == 0:
                assert done.summary["status"] == "completed" and list(done.folder.glob("figures/*.png"))
                return
            # They do not fit, and it says so; but a task of yours may know only the batches of some data of yours
            assert group == "task" or (done.status == 2 and "Traceback" not in done.said), done.said
    assert done.status == 2, done.said
    pytest.skip(f"no model and data of this project fit {choice}")


@pytest.mark.parametrize("task", [*losses.LOSSES, "matching", ""])
def test_data_that_nothing_follows_from_are_refused_in_a_sentence(monkeypatch, task):
    for module in (losses, tasks):
        monkeypatch.setattr(module, "find_spec", lambda *_: None)  # as if the file of this task were gone
    with pytest.raises(UserError, match=r"has no loss for data for .*choose one with loss="):
        losses.auto(DataSpec(task), nn.Identity())
    with pytest.raises(UserError, match="Choose a task with task="):
        tasks.auto(DataSpec(task), nn.Identity(), nn.Identity(), nn.Identity(), None)
