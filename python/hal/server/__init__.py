"""``hal serve``: decisions over HTTP, for schedulers that are not written in Python.

Loopback and a token unless told otherwise; every answer is JSON, also an error's.
"""

from hal.server.app import create_app
from hal.server.live import Live, Own
from hal.server.service import Service
from hal.server.settings import Settings

__all__ = ["Live", "Own", "Service", "Settings", "create_app"]
