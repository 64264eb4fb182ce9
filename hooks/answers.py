"""What an answer must be: cookiecutter loads this file, and refuses with one sentence before it makes a folder.

`_extensions` in cookiecutter.json names it. A hook that refuses would have cookiecutter print a traceback; what is
raised here ends the command with the sentence alone. The hook pre_gen_project.py asks once more, for answers
that come from a replay file. `cruft update` runs two versions of the template with the one that it loads first,
so the names of the filters stay.
"""

import builtins
import json
import keyword
import re
import runpy
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from jinja2.ext import Extension

FREE_TEXT = {
    "project_name": "project name",
    "description": "description",
    "author_name": "author",
    "author_email": "e-mail address",
}
JINJA = ("{{", "}}", "{%", "%}", "{#", "#}")
# Anywhere else these are text; in README.md they would swallow what follows.
MARKDOWN = ("```", "~~~", "<!--")
# Marks that reorder the text around them, so that what is read is not what is stored.
REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# Control characters, lone surrogates, line and paragraph separators.
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
# A name of nothing but these is none to git.
NO_NAME = " .,:;<>\"\\'"
EMAIL = r"[A-Za-z0-9!#$%&*+/=?^_{|}~'.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
DIGEST = Path(__file__).resolve().parents[1] / "{{cookiecutter.project_slug}}" / "vendor" / "hyperplane" / "digest.py"
LONGEST_TEXT, LONGEST_SLUG, LONGEST_PACKAGE = 200, 80, 32

WINDOWS_DEVICES = {"con", "prn", "aux", "nul"}
WINDOWS_DEVICES |= {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}
# A package of one of these names would hide what is installed beside it, or a folder of the project.
TAKEN = """
    absl aiohappyeyeballs aiohttp aiosignal alembic annotated_doc annotated_types antlr4 anyio arrow ast_serialize
    asttokens attr attrs binaryornot cachetools certifi cffi cfgv charset_normalizer check_jsonschema click
    cloudpickle colorlog comm configs contourpy cookiecutter coreweave_evaluations coverage cruft cryptography
    cycler data databricks dateutil debugpy distlib distro docker docs docutils dotenv env execnet executing fastapi
    fastjsonschema filelock flatbuffers frozenlist fsspec functorch git gitdb google grimp grpc h11 hatchling hf_xet
    httpcore httpcore2 httpx httpx2 huggingface_hub hydra hydra_plugins hyperplane hypothesis identify idna
    importlib_metadata importlinter iniconfig ipykernel ipykernel_launcher ipython_pygments_lexers isympy
    itsdangerous jedi jinja2 joblib jsonschema jsonschema_specifications jupyter jupyter_client jupyter_core
    kiwisolver kornia kornia_rs labs librt lightning lightning_fabric lightning_utilities loguru loro mako marimo
    markdown markdown_it markupsafe matplotlib matplotlib_inline mdurl ml_dtypes mlflow mnist1d models mpl_toolkits
    mpmath msgpack msgspec multidict multipart mypy mypy_extensions mypyc narwhals nbclient nbformat nest_asyncio2
    networkx nodeenv notebooks numpy omegaconf onnx onnx_ir onnxruntime onnxscript opentelemetry optuna packaging
    pandas parso pathspec pexpect pip platformdirs pluggy polars pre_commit prettytable prompt_toolkit propcache
    protobuf psutil ptyprocess pure_eval py pyasn1 pyasn1_modules pycparser pydantic pydantic_core pydevd_plugins
    pygments pylab pymdownx pyparsing pytest pytest_cov python_discovery python_multipart pytorch_lightning ray
    references referencing regress requests rich rpds ruamel ruff runs scipy setuptools shellingham six sklearn
    skops slugify smmap sniffio sortedcontainers sqlalchemy sqlparse src stack_data starlette submitit sympy
    tensorboard tensorboard_data_server test tests text_unidecode threadpoolctl tokenizers tomlkit torch torchaudio
    torchgen torchmetrics torchvision tornado tqdm traitlets triton trove_classifiers truststore typer
    typing_extensions typing_inspection tzdata urllib3 uv uvicorn vendor virtualenv wandb wcwidth websockets
    werkzeug wheel xdist xxhash yaml yarl zipp zmq
"""
# The commands.
USED = "train evaluate predict export_model report codestyle schema"


def text_problem(label: str, text: str) -> str | None:
    """Return why a free text would break a file that it is written into, or None."""
    for mark in (*JINJA, *MARKDOWN):
        if mark in text:
            return f"The {label} must not contain {mark}, which would break files it is written to."
    for character in text:
        code = ord(character)
        nothing = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # no characters, says Unicode
        if nothing or unicodedata.category(character) in UNPRINTABLE or character in REORDERING:
            return f"The {label} must not contain the invisible character U+{code:04X}."
    if not text.strip():
        return f"The {label} must not be empty."
    if len(text) > LONGEST_TEXT:
        return f"The {label} must have at most {LONGEST_TEXT} characters; it has {len(text)}."
    return None


def author_problem(name: str) -> str | None:
    """Return why git would not take a name as an author's, or None."""
    return None if name.strip(NO_NAME) else f"The author {name!r} must hold a letter: git takes no name without."


def email_problem(email: str) -> str | None:
    """Return why a text is no e-mail address, or None."""
    return None if re.fullmatch(EMAIL, email) else f"The e-mail address {email!r} must look like name@example.com."


def slug_problem(slug: str) -> str | None:
    """Return why a slug is no portable folder and distribution name, or None."""
    if len(slug) > LONGEST_SLUG:
        return f"The project slug must have at most {LONGEST_SLUG} characters; it has {len(slug)}."
    if ".." in slug or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", slug):
        return (
            f"The project slug {slug!r} must be one folder name: letters A-Z, digits, "
            "single dots, dashes and underscores, with a letter or digit at both ends."
        )
    if slug.lower().partition(".")[0] in WINDOWS_DEVICES:
        return f"The project slug {slug!r} is reserved by Windows; choose for example {slug}-project."
    return None


def package_problem(name: str) -> str | None:
    """Return why a name cannot be the project's import package, or None."""
    if len(name) > LONGEST_PACKAGE:
        return f"The package name must have at most {LONGEST_PACKAGE} characters; it has {len(name)}."
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return (
            f"The package name {name!r} must be a Python name in lower case: "
            "letters a-z, digits and underscores, with a letter first."
        )
    if keyword.iskeyword(name):
        reason = "is a keyword of Python"
    elif name in sys.stdlib_module_names:
        reason = "would hide the module of Python's standard library"
    elif name in TAKEN.split():
        reason = "would hide a package or folder that the project uses"
    elif hasattr(builtins, name) or name in USED.split():
        reason = "is a name that Python or the project already uses"
    elif name in WINDOWS_DEVICES:
        reason = "is reserved by Windows"
    else:
        return None
    return f"The package name {name!r} {reason}; choose another, for example {name}_project."


def labs_problem(answers: Mapping[str, str]) -> str | None:
    """Return why there can be no labs, or None."""
    wanted = answers.get("labs") == "yes" and answers.get("examples") == "minimal"
    return "The labs use all examples: labs=yes goes with examples=all." if wanted else None


def problems(answers: Mapping[str, str]) -> list[str]:
    """Return one sentence for every answer that has to be refused."""
    found = {key: text_problem(label, answers[key]) for key, label in FREE_TEXT.items()}
    found["author_name"] = found["author_name"] or author_problem(answers["author_name"])
    found["author_email"] = found["author_email"] or email_problem(answers["author_email"])
    found["labs"] = labs_problem(answers)
    # The package name follows from the slug, so a bad slug is reported alone.
    names = slug_problem(answers["project_slug"]) or package_problem(answers["package_name"])
    return [problem for problem in (*found.values(), names) if problem]


def checked(answers: Mapping[str, str]) -> str:
    """End the command with the reasons, if any of the answers has to be refused."""
    # A replay file of an older version brings its answers past the questions; the hook checks those.
    refusals = problems(answers) if "author_email" in answers else []
    if refusals:
        sys.exit("\n".join(refusals))
    refuse_edited_engine()
    return "checked"


@cache
def refuse_edited_engine() -> None:
    """End `cruft update` before it begins if the project's engine, which it replaces as a whole, was edited by hand."""
    if sys.argv[1:2] != ["update"]:
        return
    for project in (Path(word) for word in (".", *sys.argv[2:])):
        if Path(project, ".cruft.json").is_file():
            complaint = runpy.run_path(str(DIGEST))["complaint"](project.resolve() / "vendor")
            if complaint:
                sys.exit(f"Nothing was updated, since an update replaces the engine as a whole.\n{complaint}")


def quoted(text: str) -> str:
    """Return a string of JSON, TOML and YAML alike, with its quotes."""
    return json.dumps(text, ensure_ascii=False)


def strings(value: Any) -> Iterator[str]:
    """Yield every text in what JSON holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


class Answers(Extension):
    """Filters for cookiecutter.json and the files, and a look at each answer before Jinja reads it."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters |= {"checked": checked, "problems": problems, "quoted": quoted}

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Refuse Jinja in an answer: `key=value` on the command line is a template to cookiecutter."""
        # A path of the template has a placeholder for a folder, a file has a name.
        rest = re.sub(r"\{\{cookiecutter\.(project_slug|package_name)\}\}", "", source)
        mark = next((mark for mark in JINJA if mark in rest), None)
        if name is None and mark and source not in self._our_own():
            sys.exit(f"An answer must not contain {mark}, which is Jinja's: {source!r}.")
        return source

    def _our_own(self) -> set[str]:
        # cookiecutter puts the template on the path, and runs hooks in it. A process may see several versions.
        folders = [Path(folder) for folder in (".", *sys.path)]
        templates = [folder for folder in folders if Path(folder, "hooks", Path(__file__).name).is_file()]
        hooks = [path.read_text(encoding="utf-8") for folder in templates for path in folder.glob("hooks/*.py")]
        questions = [json.loads(Path(folder, "cookiecutter.json").read_text(encoding="utf-8")) for folder in templates]
        return {*hooks, *strings(questions)}
