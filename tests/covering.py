"""A covering array: few rows of answers in which every two values of two questions meet."""

from itertools import combinations

Answers = dict[str, str]
Pair = frozenset[tuple[str, str]]


def pairs_of(row: Answers) -> set[Pair]:
    """Return every pair of answers that meet in a row."""
    return {frozenset(pair) for pair in combinations(row.items(), 2)}


def all_pairs(questions: dict[str, list[str]]) -> set[Pair]:
    """Return every pair of values of two questions."""
    return {
        frozenset({(first, a), (second, b)})
        for first, second in combinations(questions, 2)
        for a in questions[first]
        for b in questions[second]
    }


def covering_rows(questions: dict[str, list[str]], first: list[Answers]) -> list[Answers]:
    """Return the rows `first` and as many more as all pairs need; the same at every call.

    Greedy: a row starts with a pair that has not met, and takes for each further question the value that brings
    most new pairs. No fewer rows can do than the product of the two largest numbers of values.
    """
    rows = list(first)
    missing = all_pairs(questions).difference(*(pairs_of(row) for row in rows))
    while missing:
        row = dict(min(missing, key=sorted))
        for question in sorted(questions, key=lambda name: -len(questions[name])):
            if question not in row:
                row[question] = max(questions[question], key=lambda value: new(row, question, value, missing))
        rows.append({question: row[question] for question in questions})
        missing -= pairs_of(row)
    return rows


def new(row: Answers, question: str, value: str, missing: set[Pair]) -> int:
    """Return how many missing pairs a value would make with the answers of a row."""
    return sum(frozenset({(question, value), answer}) in missing for answer in row.items())
