"""What a pod asks for in amounts: CPU, memory, devices and whatever else is counted."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from hal.adapters.kubernetes.places import Unsaid
from hal.adapters.kubernetes.quantities import amount, cpu_milli, mib, whole

__all__ = ["COUNT", "GPU", "INDEX", "MODEL", "SHARE", "both", "counted", "request_of"]

GPU: Final = "nvidia.com/gpu"
#: As the OpenB traces have it: a share of ``gpu-count`` devices, and on which.
SHARE: Final = "alibabacloud.com/gpu-milli"
COUNT: Final = "alibabacloud.com/gpu-count"
INDEX: Final = "alibabacloud.com/gpu-index"
MODEL: Final = "alibabacloud.com/gpu-card-model"
#: In bytes; kept in MiB under the same name.
_BYTES: Final = ("ephemeral-storage", "hugepages-")


def request_of(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return what a pod's containers need together at their worst moment, as fields of a job."""
    total: dict[str, Fraction] = {}
    most: dict[str, Fraction] = {}  # while the init containers run, one after the other
    for container in spec.get("initContainers") or ():
        own = _asked(container)
        if container.get("restartPolicy") == "Always":  # a sidecar stays
            _add(total, own)
            own = {}
        for key in {**own, **total}:
            most[key] = max(
                most.get(key, Fraction(0)), own.get(key, Fraction(0)) + total.get(key, Fraction(0))
            )
    for container in spec.get("containers") or ():
        _add(total, _asked(container))
    for key, value in most.items():
        total[key] = max(total.get(key, Fraction(0)), value)
    total |= _asked(spec)  # where a release has requests of the whole pod
    _add(total, {key: amount(value) for key, value in (spec.get("overhead") or {}).items()})
    share = annotations.get(SHARE)
    devices = total.pop(GPU, Fraction(0))
    fields: dict[str, Any] = {}
    if share is not None:
        count, milli = whole(amount(annotations.get(COUNT) or 1), up=True), whole(amount(share), up=True)
        if count and milli:  # the traces write 0 for none
            fields["gpus"] = count
            if milli < 1000:
                fields["gpu_share"] = f"{milli}m"
            fields["gpu_models"] = [name for name in (annotations.get(MODEL) or "").split("|") if name]
    elif devices:
        fields["gpus"] = whole(devices, up=True)
    resources = {
        key: counted(key, value, up=True)
        for key, value in total.items()
        if key not in ("cpu", "memory") and value
    }
    return {
        **fields,
        "cpus": f"{cpu_milli(total.get('cpu', Fraction(0)), up=True)}m",
        "memory": mib(total.get("memory", Fraction(0)), up=True),
        "resources": {"pods": 1, **resources},
    }


def both(request: dict[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked for by resources and by claims."""
    if not claims.get("gpus"):
        return request
    if request.get("gpus"):
        raise Unsaid("resourceClaims", "GPUs are asked for in two ways")
    return {**request, **claims}


def _asked(container: Mapping[str, Any]) -> dict[str, Fraction]:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {key: amount(value) for key, value in asked.items()}


def _add(total: dict[str, Fraction], more: Mapping[str, Fraction]) -> None:
    for key, value in more.items():
        total[key] = total.get(key, Fraction(0)) + value


def counted(key: str, value: Fraction, *, up: bool) -> int:
    return mib(value, up=up) if key.startswith(_BYTES) else whole(value, up=up)
