"""The routes of the scheduler extender, which kube-scheduler calls of a ``hal serve`` that follows Kubernetes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from hal.adapters.follower import Follower
from hal.adapters.kubernetes.extender import Extender
from hal.adapters.kubernetes.wire import ARGS, BINDING, PREEMPTION, answer, read, schema, scored
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from hal.adapters.kubernetes.client import Client

    from hal.server import Service

__all__ = ["router"]


def router(service: Service, client: Client, names: Callable[[], Mapping[str, str]]) -> APIRouter:
    """Return the routes ``/extender/{filter,prioritize,preempt,bind}`` of a service that follows an adapter."""
    follower = service.live
    assert isinstance(follower, Follower)
    extender = Extender(service, client=client, follow=follower.follow, names=names)
    routes = APIRouter(prefix="/extender", tags=["extender"])

    @routes.post("/filter", openapi_extra=schema(ARGS))
    async def filter(request: Request) -> Response:
        """Which nodes fit (ExtenderArgs → ExtenderFilterResult)."""
        return answer(extender.filter(read(await request.body())))

    @routes.post("/prioritize", openapi_extra=schema(ARGS))
    async def prioritize(request: Request) -> Response:
        """How good they are (ExtenderArgs → HostPriorityList)."""
        return scored(*extender.prioritize(read(await request.body())))

    @routes.post("/preempt", openapi_extra=schema(PREEMPTION))
    async def preempt(request: Request) -> Response:
        """Whom to evict (ExtenderPreemptionArgs → ExtenderPreemptionResult)."""
        return answer(await run_in_threadpool(extender.preempt, read(await request.body())))

    @routes.post("/bind", openapi_extra=schema(BINDING))
    async def bind(request: Request) -> Response:
        """Bind a pod (ExtenderBindingArgs → ExtenderBindingResult)."""
        return answer(await run_in_threadpool(extender.bind, read(await request.body())))

    return routes
