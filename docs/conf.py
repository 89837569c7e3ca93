"""Sphinx configuration: MyST pages, the reference from numpydoc docstrings, examples as doctests."""

import doctest
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "hal-core"
author = "the hal-core contributors"
release = version = installed_version("hal-core")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "api_pages",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_static_path = ["_static"]
html_title = "hal-core"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Docstrings are numpydoc; their types are prose ("(n,) int64, milli-CPU"): signatures carry the real ones.
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}

# Pages: {doctest} and {testcode} blocks run here. Docstrings: tests/package/test_docstrings.py runs theirs.
doctest_test_doctest_blocks = ""
doctest_default_flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
doctest_global_setup = "import hal"

# In docstrings `name` may be an argument or an attribute of several classes: no cross-reference is meant then.
suppress_warnings = ["ref.python"]
