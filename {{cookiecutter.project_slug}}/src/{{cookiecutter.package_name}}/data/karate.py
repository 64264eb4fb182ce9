"""Zachary's karate club: who met whom outside the club, and which side each took when it split.

34 members, 78 pairs of them that met; 17 stayed with the instructor, "Mr. Hi", 17 went with the club's officer. Source:
Zachary 1977, "An Information Flow Model for Conflict and Fission in Small Groups", Journal of Anthropological Research
33, 452-473, figure 1 and table 1 (the club that members joined after the split).
"""

from typing import Any

import numpy as np
from hyperplane import Graph, GraphDataModule
from hyperplane.setting_types import ProperFraction
from pydantic import PositiveInt

# Of each member in order, counted from 1, those with a higher number that he met; nobody after the 33rd.
MET = """
    2 3 4 5 6 7 8 9 11 12 13 14 18 20 22 32; 3 4 8 14 18 20 22 31; 4 8 9 10 14 28 29 33; 8 13 14; 7 11; 7 11 17; 17; ;
    31 33 34; 34; ; ; ; 34; 33 34; 33 34; ; ; 33 34; 34; 33 34; ; 33 34; 26 28 30 33 34; 26 28 32; 32; 30 34; 34; 32 34;
    33 34; 33 34; 33 34; 34
"""
OF_MR_HI = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22)
MEMBERS = 34


class Karate(GraphDataModule):
    """A graph without features; a few of its nodes are labelled."""

    def __init__(self, *, labelled: PositiveInt = 2, val_fraction: ProperFraction = 0.25, **options: Any) -> None:
        super().__init__(labelled=labelled, val_fraction=val_fraction, **options)

    def load(self) -> Graph:
        """Return the 78 pairs and the two sides."""
        pairs = [(one, int(other) - 1) for one, met in enumerate(MET.split(";")) for other in met.split()]
        sides = np.array([int(member + 1 not in OF_MR_HI) for member in range(MEMBERS)])
        return Graph(np.array(pairs), sides, ("Mr. Hi", "officer"))
