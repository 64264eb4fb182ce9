"""Every file under configs/ is a choice that works. They are found by listing: yours are tested with the others."""

import pytest
from hyperplane.configs import COLLECTIONS, COMPONENTS

from {{ cookiecutter.package_name }} import PROJECT

FILES = sorted(PROJECT.configs.glob("*/*.yaml"))
CHOICES = [(path.parent.name, path.stem) for path in FILES]
TRAINED = [choice for choice in CHOICES if choice[0] in (*COMPONENTS, *COLLECTIONS, "experiment")]
LABELS = ("data=table", "data.path=labels.csv", "data.target=[loud,red]")  # a file with two labels in each row
# What may have to be chosen besides; a file that asks for a path is for data of your own.
OTHERS = [(), LABELS, *((f"{group}={name}",) for group, name in CHOICES if group in ("data", "model"))]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_a_file_is_composed_and_checked(train, group, name):
    done = train(f"{group}=[{name}]" if group in COLLECTIONS else f"{group}={name}", "--cfg", "job")
    assert "_target_" in done.said and not done.folder.name


@pytest.mark.parametrize(("group", "name"), TRAINED)
def test_a_component_trains_on_data_that_fit(train, tmp_path, group, name):
    rows = "".join(f"{i},{i % 7},{i % 2},{i % 3 // 2}\n" for i in range(60))
    (tmp_path / "labels.csv").write_text(f"a,b,loud,red\n{rows}", encoding="utf-8")
    choice = f"{group}=[{name}]" if group in COLLECTIONS else f"{group}={name}"
    for others in OTHERS:
        if not others or others[0].partition("=")[0] != group:
            done = train(choice, *others, "trainer.max_steps=-1", "figures=true", status=None)
            if done.status == 0:
                assert done.summary["status"] == "completed" and list(done.folder.glob("figures/*.png"))
                return
            assert done.status == 2 and "Traceback" not in done.said, done.said  # they do not fit, and it says so
    pytest.skip(f"no model and data of this project fit {choice}")
