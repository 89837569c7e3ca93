"""What is sent to Ray's workers around a function or a class."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

__all__ = ["with_devices"]


def with_devices(target: Any) -> Any:
    """Return a function or class that takes hal's devices first, and whose calls also tell where they ran.

    Made inside a function, so that Ray sends its code along: workers need no hal.
    """

    def show(devices: tuple[int, ...]) -> tuple[str, list[int]]:
        ray: Any = importlib.import_module("ray")
        if devices:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
        return ray.get_runtime_context().get_node_id(), list(devices) or ray.get_gpu_ids()

    if isinstance(target, type):

        class Placed(target):  # type: ignore[misc]  # whatever class it is
            def __init__(self, _hal_devices: tuple[int, ...], *args: Any, **named: Any) -> None:
                show(_hal_devices)
                super().__init__(*args, **named)

        Placed.__name__ = Placed.__qualname__ = target.__name__
        return Placed

    call: Callable[..., Any] = target

    def placed(_hal_devices: tuple[int, ...], _hal_count: int, *args: Any, **named: Any) -> Any:
        where = show(_hal_devices)
        result = call(*args, **named)
        return (result, where) if _hal_count == 1 else (*result, where)

    placed.__name__ = placed.__qualname__ = getattr(target, "__name__", "task")
    return placed
