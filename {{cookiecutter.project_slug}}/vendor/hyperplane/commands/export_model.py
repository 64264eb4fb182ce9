"""export-model: export a trained network for other programs, as a `torch.export` program and as ONNX; both are checked.

  export-model run=runs/2026-01-31/12-00-00-1a2b   <run>/export/model.pt2 and model.onnx
  export-model run=<folder> format=pt2             only torch.export, which needs no extra package

Both take inputs (B, *input_shape) in the units of the data, for any B, and return predictions (B, K):
probabilities, or values in the units of the target. Both use float32, or float64 where float32 has too few digits. A
forecaster takes the fields of `Windows` in data/panels/windows.py and returns quantiles (B, H, Q), float32. Signals of
different lengths are padded with NaN. A graph is one input: all its nodes, in the order of the training. Each file
describes its inputs and outputs: names and order of the inputs, classes, categories, and what replaces a missing
value. The command prints five lines of Python that run the file.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ..errors import UserError, with_nearest
from ..run_folder.reading import read_run

FORMATS = ("all", "pt2", "onnx")
# What calls a file, by its format
CALLS = {
    "onnx": """\
import json, numpy, onnxruntime
session = onnxruntime.InferenceSession({path})
about = json.loads(session.get_modelmeta().custom_metadata_map["hyperplane"])
inputs = {{one["name"]: numpy.ones(one["example_shape"], one["type"]) for one in about["inputs"]}}
print(about["outputs"]["columns"], session.run(None, inputs)[0])
""",
    "pt2": """\
import json, torch
program = torch.export.load({path}, extra_files=(files := {{"hyperplane": ""}})).module()
about = json.loads(files["hyperplane"])
inputs = [torch.ones(one["example_shape"], dtype=getattr(torch, one["type"])) for one in about["inputs"]]
print(about["outputs"]["columns"], program(*inputs))
""",
}
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def export_model(config: DictConfig) -> dict[str, Path]:
    """Write `<run>/export/model.pt2` and `model.onnx`, and return their paths by format."""
    if OmegaConf.is_missing(config, "run"):
        raise UserError("Name the run to export: export-model run=runs/<date>/<time>")
    return export_run(Path(config.run), str(config.format), str(config.checkpoint))


def export_run(folder: Path, form: str = "all", which: str = "tested") -> dict[str, Path]:
    """Export a checkpoint of the run in `folder`.

    Args:
        folder: a run folder.
        form: pt2, onnx, or all.
        which: `tested` (the weights behind `summary.json`), `best` or `last`.

    Raises:
        UserError: the run cannot be read, its model is no torch program, or a package is not installed.
    """
    if form not in FORMATS:
        says = with_nearest(f"format={form} is not known.", form, FORMATS)
        raise UserError(f"{says} format can be: {', '.join(FORMATS)}")
    missing = [package for package in ONNX_PACKAGES if find_spec(package) is None]
    if form != "pt2" and missing:
        raise UserError(
            f"ONNX needs {', '.join(missing)}, which `make setup` does not install. They come with an extra of this "
            "project: pip install --constraint constraints.txt --editable '.[export]'. format=pt2 needs nothing more."
        )
    read_run(folder)  # a mistake is answered before torch is imported

    from ..checkpoints.trained import load_trained
    from ..exporting import write_programs

    trained = load_trained(folder, which)
    task, settings = trained.task, trained.settings
    network = getattr(task, "network", task)
    if not network.state_dict(keep_vars=True).keys() - {"_extra_state"} and not list(network.buffers()):
        raise UserError(
            f"run={folder}: {settings.model.import_path} computes outside torch, so it has no program to export"
        )
    formats = ("pt2", "onnx") if form == "all" else (form,)
    written = write_programs(task, trained.spec, folder / "export", formats, trained.checkpoint)
    for name, path in written.items():
        sys.stdout.write(f"\n# {path.name}: `about` says what it takes and returns\n{call(name, path)}")
    return written


def call(form: str, path: Path) -> str:
    """Return five lines of Python that call an exported program with ones; they need nothing of this project."""
    return CALLS[form].format(path=repr(str(path)))
