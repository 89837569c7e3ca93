"""Host-range expressions: ``node[001-004,7]``, ``r[1-2]n[1-4]``, comma lists."""

from __future__ import annotations

import re
from itertools import product

from hal.errors import InvalidModel

#: The most names one expression may stand for; a typo such as ``n[1-10000000000]`` must not fill the memory.
LIMIT = 4_000_000

_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


def _split(expression: str) -> list[str]:
    """Split at the commas outside brackets, checking that brackets close and do not nest."""
    parts, start, inside = [], 0, False
    for i, c in enumerate(expression):
        if c == "[":
            if inside:
                raise InvalidModel(f"host list {expression!r}: brackets inside brackets at column {i + 1}")
            inside = True
        elif c == "]":
            if not inside:
                raise InvalidModel(f"host list {expression!r}: ']' without '[' at column {i + 1}")
            inside = False
        elif c == "," and not inside:
            parts.append(expression[start:i])
            start = i + 1
    if inside:
        raise InvalidModel(f"host list {expression!r}: '[' is not closed; add ']'")
    parts.append(expression[start:])
    return parts


def _numbers(ranges: str, expression: str, limit: int) -> list[str]:
    numbers: list[str] = []
    for item in ranges.split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None:
            raise InvalidModel(
                f"host list {expression!r}: {item!r} is not a number or a range like '001-004'"
            )
        low, high = match[1], match[2] or match[1]
        first, last = int(low), int(high)
        if last < first:
            raise InvalidModel(f"host list {expression!r}: range {item!r} runs backwards; swap its ends")
        if last - first >= limit - len(numbers):
            raise InvalidModel(f"host list {expression!r}: range {item!r} makes it more than {LIMIT} names")
        numbers.extend(str(k).zfill(len(low)) for k in range(first, last + 1))
    return numbers


def expand_hosts(expression: str) -> list[str]:
    """Names that a host-range expression stands for, in its order, as Slurm writes and reads them.

    Parameters
    ----------
    expression : str
        Names separated by commas; each may hold any number of brackets with numbers and ranges. Numbers keep
        the width of a range's lower end: ``n[08-10]`` is ``n08, n09, n10``. The last bracket varies fastest.

    Returns
    -------
    list of str
        With repetitions, should the expression have them. At most 4,000,000.

    Raises
    ------
    hal.InvalidModel
        Unbalanced or nested brackets, a bad or backward range, an empty name, too many names.

    Examples
    --------
    >>> expand_hosts("gn[1-2],r[1-2]n[08,9]")
    ['gn1', 'gn2', 'r1n08', 'r1n9', 'r2n08', 'r2n9']
    """
    if not isinstance(expression, str):
        raise InvalidModel(f"host list: {expression!r}; give a text")
    names: list[str] = []
    for part in _split(expression):
        text = part.strip()
        if not text or any(c.isspace() for c in text):
            raise InvalidModel(f"host list {expression!r}: {part!r} is not a name; separate names by commas")
        pieces: list[list[str]] = []
        count, limit = 1, LIMIT - len(names)
        for piece in re.split(r"(\[[^\]]*\])", text):
            if piece.startswith("["):
                pieces.append(_numbers(piece[1:-1], expression, limit))
                count *= len(pieces[-1])
            elif piece:
                pieces.append([piece])
        if count > limit:
            raise InvalidModel(f"host list {expression!r}: more than {LIMIT} names")
        names.extend(map("".join, product(*pieces)))
    return names
