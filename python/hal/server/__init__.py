"""``hal serve``: decisions over HTTP, for schedulers that are not written in Python.

Loopback and a token unless told otherwise; every answer is JSON, also an error's.
"""

from hal._extras import require

require("fastapi", extra="server")

from hal.server.app import create_app  # noqa: E402  # after the line that says what to install
from hal.server.live import Live, Own  # noqa: E402  # as above
from hal.server.service import Service  # noqa: E402  # as above
from hal.server.settings import Settings  # noqa: E402  # as above

__all__ = ["Live", "Own", "Service", "Settings", "create_app"]
