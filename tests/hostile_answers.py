"""Answers that nobody expects, each with what must become of it: the reason for its refusal, or None."""

import keyword
import random
import sys
from typing import NamedTuple

from conftest import CHOICES

# Text that looks like something to a shell, a parser or a screen, and is text.
LIKE_CODE = r"""
    $(X) ${HOME} $HOME `date` ; | > >> < << & && # ## % %% ~ ~/ * ? ! !tag &anchor *alias @ ^ = == : :: , . .. ... / //
    \ \n \u0041 \N{DASH} \' ' ''' " - -- --- --help -rf + ( ) [ ] [section] [[table]] { } {x} %(name)s %s %PATH% $@ $<
    .PHONY: null ~null Null yes no on off true False 0x1F 1_000 1e5 .inf .nan NaN 2026-01-01 12:30:00 =cmd|calc @import
    \textbf{x} \end{document} $x^2$ a_b _x_ **x** [x](y) <b> </script> &amp; &#0; ../.. C:\x \\host\x http://x.org/?a=b
    import eval(x) os.system('x') 'x';DROP
"""
# Joined emoji, many scripts, combining marks, characters without width, letters that change when folded.
LIKE_NOTHING = """
    🚀 👩‍🔬 🇦🇶 ☃️ 深度学习 ロケット שלום مشروع ქართული e\u0301\u0323 Z\u0351\u036b\u0343 \u00e9 \u00ad \u200b \u200d
    \ufffd ﬁ ǅ ß İ ı Ω ½ ２ － ＄ ｛｛ ％｝ \U000e0041
"""
TEXTS = [
    *LIKE_CODE.split(),
    *LIKE_NOTHING.split(),
    '"""',
    "key: value",
    "a # b",
    "- item",
    "'' \"\"",
    "\u00a0",
    "\u3000",
]
INVISIBLE = "\0 \t \n \r \x1b[31m \x7f \x85 \u2028 \u2029 \u202e \u2066 \u200f \ufeff \ud800 \udfff \ufffe \U0010ffff"
BAD_TEXTS = {mark: f"must not contain {mark}" for mark in ("{{", "}}", "{%", "%}", "{#", "#}", "```", "~~~", "<!--")}
BAD_TEXTS |= {text: f"must not contain {text[:2]}, which is Jinja's" for text in ("{{ 7*7 }}", "{% raw %}", "{# x #}")}
BAD_TEXTS |= {text: f"the invisible character U+{ord(text[0]):04X}" for text in INVISIBLE.split(" ")}
BAD_TEXTS["\r"] = BAD_TEXTS["\n"]  # as which Jinja reads it
BAD_TEXTS |= {"x" * 201: "must have at most 200 characters"}

SLUGS = ["a", "0", "A.b-c_9", "null", "1e5", "2026-01-01", "x" * 80, "NaN", "a--b", "Con-tent"]
NO_FOLDER = r"""
    . .. .hidden hidden. -x --help x- a/b /a a\b a..b a:b C: $(X) ~ %TEMP% é א 🚀 * ? x́
"""
BAD_SLUGS = {slug: "must be one folder name" for slug in ["", " ", "a b", "a\0b", "a\nb", *NO_FOLDER.split()]}
BAD_SLUGS |= {slug: "is reserved by Windows" for slug in ("con", "CON", "nul.txt", "Con.tent", "lpt1", "COM9.log")}
BAD_SLUGS |= {"x" * 81: "at most 80 characters", "Torch": "would hide a package", "class": "is a keyword"}

PACKAGES = ["a", "p" * 32, "null", "x_1", "nan", "match_", "e5", "hyperplanes", "l", "zz", "type_", "cone"]
BAD_PACKAGES = {name: "is a keyword of Python" for name in keyword.kwlist if name.islower()}
BAD_PACKAGES |= {
    name: "Python's standard library" for name in sys.stdlib_module_names if name.isalpha() and name.islower()
}
BAD_PACKAGES |= {
    name: "would hide a package or folder"
    for name in ("torch", "hydra", "hyperplane", "vendor", "cruft", "tests", "data")
}
NO_PACKAGE = ["", "A", "True", "1x", "_x", "a-b", "a.b", "a b", "é", "ñame", "$(X)", "--help", "a\0", "ａ", "x\u0301"]
BAD_PACKAGES |= {name: "must be a Python name in lower case" for name in NO_PACKAGE}
BAD_PACKAGES |= {name: "already uses" for name in ("list", "print", "train", "schema")}
BAD_PACKAGES |= {"x" * 33: "at most 32 characters"}

EMAILS = ["you@example.com", "o'neil+x@a-b.example.org", "#!$%&*+/=?^_{|}~.-@x.org"]
BAD_EMAILS = {
    text: "must look like name@example.com" for text in ("x", "@", "a@b", "a b@c.d", "é@c.d", "-@-", "a@b.c,d")
}

FREE_TEXT = ("project_name", "description", "author_name")
FINE = {"project_slug": SLUGS, "package_name": PACKAGES, "author_email": EMAILS}
BAD = {"project_slug": BAD_SLUGS, "package_name": BAD_PACKAGES, "author_email": BAD_EMAILS}
BAD |= {question: BAD_TEXTS | {"": "must not be empty", " \u3000": "must not be empty"} for question in FREE_TEXT}
BAD["author_name"] |= {"<.>": "must hold a letter"}


class Hostile(NamedTuple):
    """Answers, and part of the one sentence that refuses them; None: they make a project."""

    answers: dict[str, str]
    reason: str | None


def text(chance: random.Random) -> str:
    """Return one to five odd texts, beside each other; the letter in front leaves a name for git and the slug."""
    words = chance.choices(TEXTS, k=chance.randint(1, 4))
    words.insert(chance.randint(0, len(words)), chance.choice(["Ann", "Study", "Größe", "深度"]))
    return " ".join(words)


def hostile_answers(count: int, seed: int) -> list[Hostile]:
    """Return answers to all questions that take text, three times out of five with one that cannot be."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        answers = {question: text(chance) for question in FREE_TEXT}
        answers |= {question: chance.choice(values) for question, values in FINE.items()}
        answers |= {question: chance.choice(CHOICES[question]) for question in ("license", "stage", "ci")}
        # Otherwise the names follow from those before them.
        for follows in ("package_name", "project_slug"):
            if chance.random() < 0.3:
                del answers[follows]
        reason = None
        if number % 5 in (1, 2, 4):
            question = chance.choice([*BAD])
            bad, reason = chance.choice([*BAD[question].items()])
            answers[question] = bad
            if bad in BAD_TEXTS and chance.random() < 0.5:
                answers[question] = f"{text(chance)} {bad} {text(chance)}"
            answers |= {} if question == "package_name" else {"package_name": "fine"}
            if bad in ("Torch", "class"):
                del answers["package_name"]
        found.append(Hostile(answers, reason))
    return found
