"""A model that is solved at once is trained, kept and evaluated like any other."""


def test_training_and_evaluating_from_the_command_line_agree(train, command):
    done = train("model=sklearn", "model.parameters={n_estimators: 10}", "data=wine", "data.val_fraction=0.2")
    assert done.summary["status"] == "completed" and done.summary["metrics"]["test/accuracy"] > 0.8
    evaluated = command("evaluate", f"run={done.folder}")
    assert evaluated.status == 0
    assert evaluated.stderr.count("as in summary.json") == 2
