"""What an editor knows about configs/: it accepts the files that ship, and rejects what a run would refuse."""

import json
import re
import subprocess
import sys

import pytest
from hyperplane import configs
from hyperplane.commands import schema
from hyperplane.configs import folders
from hyperplane.project import current
from jsonschema import Draft202012Validator
from omegaconf import OmegaConf
from referencing import Registry, Resource

CONFIGS = current().configs
SCHEMAS = schema.schemas()
REGISTRY = Registry().with_resources((f"{name}.json", Resource.from_contents(SCHEMAS[name])) for name in SCHEMAS)


def named_schema(path):
    """The schema that a file names for the YAML language server."""
    found = re.search(r"^# yaml-language-server: \$schema=(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found and path.parent / found[1]


FILES = [path for folder in folders() for path in sorted(folder.rglob("*.yaml")) if named_schema(path)]


def content(path):
    return OmegaConf.to_container(OmegaConf.load(path), resolve=False)


def complaints(kind, values):
    """The keys that an editor would underline."""
    found = []
    for error in Draft202012Validator(SCHEMAS[kind], registry=REGISTRY).iter_errors(values):
        is_unknown = error.validator == "additionalProperties"
        names = sorted(set(error.instance) - set(error.schema["properties"])) if is_unknown else [""]
        found += [".".join(map(str, [*error.absolute_path, name])).rstrip(".") for name in names]
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder that `make schema` writes."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        schema.main()
    return folder / schema.FOLDER


def test_make_schema_writes_a_file_for_each_kind_that_json_readers_and_validators_accept(written):
    assert {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in written.iterdir()} == SCHEMAS
    for found in SCHEMAS.values():
        Draft202012Validator.check_schema(found)


def test_each_answer_has_the_components_of_its_own_files_alone():
    models = [branch["if"]["properties"]["_target_"]["pattern"] for branch in SCHEMAS["model"]["then"]["allOf"]]
    stated = {OmegaConf.load(path)._target_ for path in configs.files("model")}
    assert len(models) == len(stated) and all(any(re.match(one, target) for one in models) for target in stated)


def test_every_file_fits_the_schema_that_it_names():
    for path in FILES:
        # The engine lies in the template here, where its files name the same folder.
        roots = (CONFIGS.parents[2], configs.ENGINE_CONFIGS.resolve().parents[2])
        assert named_schema(path).resolve().parent in [root / schema.FOLDER for root in roots], path
        assert complaints(named_schema(path).stem, content(path)) == [], path
    assert {named_schema(path).stem for path in FILES} == set(SCHEMAS)


def test_every_setting_has_a_meaning_which_is_its_comment():
    def meanings(values):
        for name, setting in values.get("properties", {}).items():
            if "anyOf" in setting:
                yield name, setting["description"]
        for value in values.values():
            for part in value if isinstance(value, list) else [value]:
                yield from meanings(part) if isinstance(part, dict) else ()

    found = {(name, *setting) for name, written in SCHEMAS.items() for setting in meanings(written)}
    assert ("model", "residual", "add a hidden layer's input to its output where both have the same size") in found
    assert ("optimizer", "lr", "learning rate") in found  # of torch, whose signatures have no comments
    assert [setting for setting in found if not setting[2]] == []


@pytest.mark.parametrize(
    ("file", "wrong", "where"),
    [
        ("model/mlp", {"hidden_size": [10]}, "hidden_size"),
        ("model/mlp", {"hidden_sizes": [10, 0]}, "hidden_sizes"),
        ("model/mlp", {"activation": "rleu"}, "activation"),
        ("model/mlp", {"_target_": "os.system"}, "_target_"),
        ("data/table", {"test_fraction": 1}, "test_fraction"),
        ("data/wine", {"name": "whisky"}, "name"),
        ("optimizer/adam", {"lr": -1}, "lr"),
        ("optimizer/adam", {"betas": [0.9]}, "betas"),
        ("optimizer/adam", {"momentum": 0.9}, "momentum"),
        ("scheduler/cosine", {"final_fraction": 2}, "final_fraction"),
        ("loss/huber", {"delta": "large"}, "delta"),
        ("hardware/cpu", {"devices": 0}, "devices"),
        ("tracking/wandb", {"mode": "onlin"}, "mode"),
        ("train", {"seed": -1}, "seed"),
        ("train", {"trainer": {"max_epoch": 3}}, "trainer.max_epoch"),
        ("train", {"checkpoint": {"test": "first"}}, "checkpoint.test"),
        ("train", {"modl": "cnn"}, "modl"),
        ("experiment/mnist1d_table", {"optimizer": {"lrr": 1}}, "optimizer.lrr"),
        ("experiment/mnist1d_table", {"data": {"batch_size": "many"}}, "data.batch_size"),
        ("hydra/sweeper/optuna", {"n_trials": 0}, "n_trials"),
        ("hydra/sweeper/sampler/tpe", {"name": "tp"}, "name"),
        ("hydra/sweeper/pruner/median", {"reduction_factor": 3}, "reduction_factor"),
        ("hydra/launcher/slurm", {"time": 1}, "time"),
    ],
)
def test_a_wrong_file_is_rejected(file, wrong, where):
    path = next(path for folder in folders() if (path := folder / f"{file}.yaml").is_file())
    assert where in complaints(named_schema(path).stem, content(path) | wrong)


def test_check_jsonschema_rejects_a_wrong_file_through_the_schema(written, tmp_path):
    def check(path):
        command = [sys.executable, "-m", "check_jsonschema", "--schemafile", written / "model.json", path]
        return subprocess.run(command, capture_output=True, text=True)

    assert check(CONFIGS / "model" / "mlp.yaml").returncode == 0
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((CONFIGS / "model" / "mlp.yaml").read_text(encoding="utf-8") + "hiden_sizes: [10]\n")
    done = check(wrong)
    assert done.returncode == 1 and "'hiden_sizes' was unexpected" in done.stdout, done


def test_what_hydra_fills_in_and_what_has_no_settings_class_is_accepted():
    own = "my_research.models.mine.Mine"
    assert complaints("model", {"_target_": own, "width": 10}) == []
    assert complaints("optimizer", {"_target_": "torch.optim.Rprop", "etas": [0.5, 1.2]}) == []
    assert complaints("model", {"defaults": ["mlp"], "hidden_sizes": [5]}) == []
    assert complaints("task", {"_target_": own.replace("models", "tasks"), "encoder": {"_target_": own}}) == []
    assert complaints("callbacks", {"ema": {"_target_": own.replace("models", "callbacks"), "decay": 1}}) == []
    assert complaints("callbacks", {"swa": {"from_epoch": 3}}) == []
    assert complaints("callbacks", {"swa": {"from_epoch": -3}}) == ["swa.from_epoch"]
    assert complaints("train", {"seed": "${oc.env:SEED,0}", "data": {"path": "???"}, "hydra": {"job": {}}}) == []
