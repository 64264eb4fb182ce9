"""Draw the pictures of gallery.md anew: a few small trainings in a baked project, which is the current folder.

`make gallery` runs this with the interpreter of the project.
"""

import json
import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from typing import Any

from PIL import Image  # matplotlib needs it, so every project has it

PICTURES = Path(__file__).parent / "gallery"
LARGEST = 150_000  # bytes of a picture
SWEEPS = Path("runs/sweeps")
ALWAYS = ["tracking=none", "figures=true", "hardware=cpu", "hardware.threads=1", "seed=0"]
ADAM = ["optimizer=adam", "scheduler=cosine"]
# A name for each call of `train -m`, and what it is called with.
TRAININGS = {
    "plane": ["model=linear,svm,kernel_svm,mlp", "data=moons,circles,blobs", *ADAM, "optimizer.lr=0.02"],
    "regression": ["model=linear", "data=salary,plane,diabetes", "optimizer=lbfgs", "data.batch_size=1000"],
    "forecast": ["model=tft", "data=demand", *ADAM, "optimizer.lr=0.01"],
}
EPOCHS = {"plane": 60, "regression": 5, "forecast": 20}
# For each training, model and data, the figures of that run that the page shows.
SHOWN = {
    ("regression", "linear", "salary"): ["fitted_line"],
    ("regression", "linear", "plane"): ["fitted_surface"],
    ("regression", "linear", "diabetes"): ["residuals"],
    ("plane", "svm", "moons"): ["decision_regions"],
    ("plane", "kernel_svm", "circles"): ["decision_regions"],
    ("plane", "mlp", "blobs"): ["decision_regions", "confusion_matrix"],
    ("plane", "mlp", "moons"): ["learning_curves"],
    ("forecast", "tft", "demand"): ["forecasts", "variable_importances", "attention"],
}


def main() -> None:
    """Train, report, and copy the pictures."""
    package = next(Path("src").glob("*/train.py")).parent.name
    for name, words in TRAININGS.items():
        rmtree(SWEEPS / name, ignore_errors=True)
        run(package, "train", "-m", *ALWAYS, *words, f"trainer.max_epochs={EPOCHS[name]}", f"sweep={name}")
    run(package, "report", str(SWEEPS / "plane"))
    PICTURES.mkdir(exist_ok=True)
    shrink(SWEEPS / "plane/report/regions.png", PICTURES / "regions.png")
    for (sweep, model, data), figures in SHOWN.items():
        for figure in figures:
            shrink(folder_of(sweep, model, data) / f"figures/{figure}.png", PICTURES / f"{model}-{data}-{figure}.png")


def run(package: str, *words: str) -> None:
    """Run a command of the project, and stop where it fails."""
    subprocess.run([sys.executable, "-m", package, *words], check=True)


def folder_of(sweep: str, model: str, data: str) -> Path:
    """Return the folder of the run of a sweep that trained `model` on `data`."""
    for path in sorted((SWEEPS / sweep).glob("*/summary.json")):
        choices: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["choices"]
        if (choices["model"], choices["data"]) == (model, data):
            return path.parent
    raise SystemExit(f"no run of {sweep} trained model={model} on data={data}")


def shrink(source: Path, target: Path) -> None:
    """Copy a PNG with as many colours, at most 256, as keep it below LARGEST."""
    picture = Image.open(source).convert("RGB")
    for colors in (256, 128, 64, 32):
        picture.quantize(colors, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size < LARGEST:
            return


if __name__ == "__main__":
    main()
