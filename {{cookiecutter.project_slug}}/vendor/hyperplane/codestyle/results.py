"""What a check found: what it looked at, and each place where the project does otherwise."""

from dataclasses import dataclass, field
from typing import NamedTuple

from .table import MUST, Topic


class Finding(NamedTuple):
    """One place to change."""

    path: str  # relative to the project
    line: int  # from 1 on; 1 where the whole file is meant
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Result:
    """What one check found."""

    checked: str  # what was looked at, in a few words
    findings: list[Finding] = field(default_factory=list)
    obstacle: str = ""  # why it could not be checked; then it does not count as met

    @property
    def met(self) -> bool:
        return not self.findings and not self.obstacle


class Row(NamedTuple):
    """A row of the table as it stands for this project."""

    topic: Topic
    level: str
    result: Result

    @property
    def fails(self) -> bool:
        return self.level == MUST and not self.result.met

    @property
    def status(self) -> str:
        if self.result.obstacle:
            return "not checked"
        return "met" if self.result.met else "not met"
