"""Refuse answers of a replay file that nobody was asked for; all others are checked before: see answers.py."""

import json
import sys

# tojson escapes quotes and control characters, so no answer can break out of this literal.
PROBLEMS = json.loads(r"""{{ cookiecutter | problems | tojson }}""")

if __name__ == "__main__":
    for problem in PROBLEMS:
        sys.stderr.write(problem + "\n")
    sys.exit(1 if PROBLEMS else 0)
