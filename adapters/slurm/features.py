"""Slurm's feature expressions, decided for a node. Pure.

Grammar: ``a&b``, ``a|b`` (left to right, as Slurm reads them), ``(…)``, ``[a|b]`` (one of them on all nodes). Counts
(``a*4``) ask for different nodes within one job, which no single node can answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import hal

__all__ = ["compile_features"]

_TOKEN = re.compile(r"\s*([&|()\[\]*]|[^&|()\[\]*\s]+)")


def compile_features(text: str) -> Callable[[Collection[str]], bool]:
    """Return the test of a node's features.

    Raises
    ------
    InvalidModel
        The expression cannot be decided node by node, or is malformed.

    Examples
    --------
    >>> compile_features("a100&ib")({"a100", "ib"}), compile_features("a100|h100")({"v100"})
    (True, False)
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text) or len(tokens) > 1000:
        raise hal.InvalidModel(f"features = {text!r}: cannot be read")
    if "*" in tokens:
        raise hal.InvalidModel(f"features = {text!r}: counts of nodes by feature cannot be expressed")
    if "[" in tokens and "|" in tokens[tokens.index("[") :]:
        raise hal.InvalidModel(f"features = {text!r}: one choice for all nodes cannot be expressed")
    at = 0

    def term(depth: int) -> Callable[[Collection[str]], bool]:
        nonlocal at
        if at >= len(tokens) or depth > 50:
            raise hal.InvalidModel(f"features = {text!r}: ends too early")
        token = tokens[at]
        at += 1
        if token in "([":
            inner = expression(depth + 1)
            if at >= len(tokens) or tokens[at] != {"(": ")", "[": "]"}[token]:
                raise hal.InvalidModel(f"features = {text!r}: a bracket is not closed")
            at += 1
            return inner
        if token in "&|)]":
            raise hal.InvalidModel(f"features = {text!r}: {token!r} stands where a feature should")
        return lambda features: token in features

    def expression(depth: int = 0) -> Callable[[Collection[str]], bool]:
        nonlocal at
        left = term(depth)
        while at < len(tokens) and tokens[at] in "&|":
            both = tokens[at] == "&"
            at += 1
            left = _join(left, term(depth), both)
        return left

    test = expression()
    if at != len(tokens):
        raise hal.InvalidModel(f"features = {text!r}: {tokens[at]!r} is not expected")
    return test


def _join(
    a: Callable[[Collection[str]], bool], b: Callable[[Collection[str]], bool], both: bool
) -> Callable[[Collection[str]], bool]:
    return (
        (lambda features: a(features) and b(features))
        if both
        else (lambda features: a(features) or b(features))
    )
