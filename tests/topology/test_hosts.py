import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import expand_hosts


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("node", ["node"]),
        ("a,b", ["a", "b"]),
        ("node[001-003,7]", ["node001", "node002", "node003", "node7"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("n[9-11]x", ["n9x", "n10x", "n11x"]),
        ("r[1-2]n[3,5]", ["r1n3", "r1n5", "r2n3", "r2n5"]),
        ("[1-2][1-2]", ["11", "12", "21", "22"]),
        ("gn[1-2], cn1", ["gn1", "gn2", "cn1"]),
    ],
)
def test_expansion(expression, names):
    assert expand_hosts(expression) == names


@pytest.mark.parametrize(
    "expression",
    [
        "",
        ",",
        "a,,b",
        "n[",
        "n]",
        "n[]",
        "n[1",
        "n[1-]",
        "n[2-1]",
        "n[1-[2-3]]",
        "n[a]",
        "a b",
        "n[1-99999999]",
        "[1-2000][1-2001]",
        "n[0-999999999999999999]",
        "n[" + "9" * 40 + "]",
        "n[١]",
        "n[-1]",
    ],
)
def test_bad_expressions_are_refused(expression):
    with pytest.raises(hal.InvalidModel, match="host list"):
        expand_hosts(expression)


@given(st.text("n[]1-9,0 ٣", max_size=14))
def test_any_text_expands_or_raises(text):
    try:
        names = expand_hosts(text)
    except hal.InvalidModel:
        return
    assert names
    assert all(name and not set(name) & set("[], ") for name in names)
