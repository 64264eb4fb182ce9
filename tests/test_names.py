"""Awkward answers either work or are refused in one sentence, with nothing left behind."""

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from checks import assert_committed, assert_lints, assert_parses
from conftest import TEMPLATE, Bake, bake_into

Refuse = Callable[..., str]

# Project name: the slug and the package that follow from it.
WORKING_NAMES = {
    "Émilie's Größenvergleich": ("emilie-s-grossenvergleich", "emilie_s_grossenvergleich"),
    "3D Shapes": ("3d-shapes", "project_3d_shapes"),
    "v1.2.3 Results": ("v1-2-3-results", "v1_2_3_results"),
    "1e5": ("1e5", "project_1e5"),
    "null": ("null", "null"),
    "深度学习": ("shen-du-xue-xi", "shen_du_xue_xi"),
    "Лаборатория": ("laboratoriia", "laboratoriia"),
    "مشروع بحث": ("mshrw-bhth", "mshrw_bhth"),
    "ロケット": ("roketuto", "roketuto"),
    "🚀": ("my-research", "my_research"),
    "👩‍🔬 Lab": ("lab", "lab"),
    "a": ("a", "a"),
    "  spaced   out  ": ("spaced-out", "spaced_out"),
    "C++ / C# study": ("c-c-study", "c_c_study"),
    "name: [with] # YAML": ("name-with-yaml", "name_with_yaml"),
    "- dash & !tag %TAG": ("dash-tag-tag", "dash_tag_tag"),
    "'quoted' <b>bold</b>": ("quoted-b-bold-b", "quoted_b_bold_b"),
    "$(touch pwned); rm -rf /": ("touch-pwned-rm-rf", "touch_pwned_rm_rf"),
    'The "best" \\ one': ("the-best-one", "the_best_one"),
    "x" * 200: ("x" * 60, "x" * 32),
    "A very long name " * 10: (
        "a-very-long-name-a-very-long-name-a-very-long-name-a-very",
        "a_very_long_name_a_very_long_nam",
    ),
}
REFUSED_NAMES = {
    "Torch": "The package name 'torch' would hide a package or folder",
    "Class": "The package name 'class' is a keyword of Python",
    "Test": "The package name 'test' would hide",
    "Random": "The package name 'random' would hide the module of Python's standard library",
    "CON": "The project slug 'con' is reserved by Windows",
    "Polars": "The package name 'polars' would hide a package or folder",
    "{{ 7 * 7 }}": "An answer must not contain {{, which is Jinja's",
    "not a\ufffecharacter": "The project name must not contain the invisible character U+FFFE",
    "two\nlines": "The project name must not contain the invisible character U+000A",
    "next\u2028line": "The project name must not contain the invisible character U+2028",
    "evil\u202etxt": "The project name must not contain the invisible character U+202E",
    "bad\udcffbyte": "The project name must not contain the invisible character U+DCFF",
    "": "The project name must not be empty",
    "   ": "The project name must not be empty",
    "x" * 201: "The project name must have at most 200 characters",
}
REFUSED_ANSWERS = [
    ("package_name", "Capital", "must be a Python name in lower case"),
    ("package_name", "1st", "must be a Python name in lower case"),
    ("package_name", "with-dash", "must be a Python name in lower case"),
    ("package_name", "größe", "must be a Python name in lower case"),
    ("package_name", "_private", "must be a Python name in lower case"),
    ("package_name", "a/b", "must be a Python name in lower case"),
    ("package_name", "", "must be a Python name in lower case"),
    ("package_name", "x" * 33, "at most 32 characters"),
    ("package_name", "lightning", "would hide a package or folder"),
    ("package_name", "configs", "would hide a package or folder"),
    ("package_name", "lambda", "keyword"),
    ("package_name", "json", "standard library"),
    ("project_slug", "a/b", "must be one folder name"),
    ("project_slug", "../up", "must be one folder name"),
    ("project_slug", "/absolute", "must be one folder name"),
    ("project_slug", "back\\slash", "must be one folder name"),
    ("project_slug", "C:drive", "must be one folder name"),
    ("project_slug", "..", "must be one folder name"),
    ("project_slug", "", "must be one folder name"),
    ("project_slug", ".hidden", "must be one folder name"),
    ("project_slug", "-dash", "must be one folder name"),
    ("project_slug", "dot.", "must be one folder name"),
    ("project_slug", "with space", "must be one folder name"),
    ("project_slug", "x" * 81, "at most 80 characters"),
    ("project_slug", "lpt1.txt", "reserved by Windows"),
    ("author_name", "", "author must not be empty"),
    ("author_name", "<;>", "must hold a letter"),
    ("author_name", "tab\there", "U+0009"),
    ("description", "```", "description must not contain ```"),
    ("description", "100 %} sure", "must not contain %}"),
    ("description", "{% broken", "must not contain {%, which is Jinja's"),
    ("description", "{# nobody reads this #}", "must not contain {#, which is Jinja's"),
    ("description", "x" * 201, "at most 200 characters"),
    ("author_email", "nobody", "must look like name@example.com"),
    ("author_email", "two words@example.com", "must look like name@example.com"),
    ("author_email", "zoë@example.com", "must look like name@example.com"),
]


@pytest.fixture
def refuse(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Refuse:
    """`refuse(**answers)` returns the one sentence with which these answers are refused."""

    def refuse(**answers: str) -> str:
        with pytest.raises(SystemExit) as refused:
            bake_into(TEMPLATE, tmp_path, **answers)
        assert list(tmp_path.iterdir()) == []
        assert "\n" not in str(refused.value)
        assert capfd.readouterr() == ("", "")
        return str(refused.value)

    return refuse


@pytest.mark.parametrize("name", WORKING_NAMES)
def test_an_awkward_name_works(bake: Bake, name: str) -> None:
    project = bake(project_name=name)
    slug, package = WORKING_NAMES[name]
    assert project.name == slug
    assert (project / "src" / package).is_dir()
    assert_parses(project)
    assert_lints(project)
    assert_committed(project)


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_an_impossible_name_is_refused_in_one_sentence(refuse: Refuse, name: str) -> None:
    answers = {} if name.strip() else {"project_slug": "slug"}
    assert REFUSED_NAMES[name] in refuse(project_name=name, **answers)


@pytest.mark.parametrize(("question", "answer", "reason"), REFUSED_ANSWERS)
def test_a_bad_answer_is_refused_in_one_sentence(refuse: Refuse, question: str, answer: str, reason: str) -> None:
    # Names that follow from the bad answer are given, so that only one answer is bad.
    given = {"package_name": "fine"} | {question: answer}
    assert reason in refuse(**given)


def test_a_slug_with_dots_and_capitals_is_kept(bake: Bake) -> None:
    project = bake(project_slug="Vision.2026_a")
    assert project.name == "Vision.2026_a"
    assert (project / "src" / "vision_2026_a").is_dir()


def test_the_longest_package_name_still_formats(bake: Bake) -> None:
    assert_lints(bake(package_name="p" * 32))


def test_no_package_is_called_like_one_that_is_installed_beside_it() -> None:
    pins = re.findall(r"^([\w.-]+)==", (TEMPLATE / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    modules = {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if {re.sub(r"[._-]+", "-", name).lower() for name in distributions} & {*pins} and module.isidentifier()
    }
    assert modules >= {"torch", "hydra", "yaml", "sklearn"}
    ask = (
        "import sys; from hooks.answers import package_problem as p; print(*[n for n in sys.argv[1:] if p(n) is None])"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask, *modules], cwd=TEMPLATE, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
