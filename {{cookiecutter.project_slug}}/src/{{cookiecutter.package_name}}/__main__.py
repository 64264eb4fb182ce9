"""The commands of this project: `python -m <package> evaluate run=...`; once it is installed, `evaluate run=...`."""

import sys
from functools import partial

from hyperplane.command_line import start

train = partial(start, "train")
evaluate = partial(start, "evaluate")
predict = partial(start, "predict")
export_model = partial(start, "export-model")
report = partial(start, "report")
runs = partial(start, "runs")
codestyle = partial(start, "codestyle")
schema = partial(start, "schema")

if __name__ == "__main__":
    command = globals().get(sys.argv.pop(1).replace("-", "_")) if len(sys.argv) > 1 else None
    sys.exit(command() if isinstance(command, partial) else __doc__)
