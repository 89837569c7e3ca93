"""The routes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool

from hal.answer import Placement
from hal.errors import HalError
from hal.server.direct import Direct, direct_of
from hal.server.guard import Guard
from hal.server.messages import (
    PROBLEMS,
    AdviseAnswer,
    AdviseRequest,
    ExplainAnswer,
    ExplainRequest,
    PlaceAnswer,
    PlaceRequest,
    Problem,
    ReleaseRequest,
    body_of,
    json_answer,
    parsed,
    problem,
    said,
)
from hal.server.metrics import Metrics
from hal.server.service import Service, jobs_of
from hal.server.settings import Settings
from hal.server.tracing import look_for_tracing, span

__all__ = ["create_app"]

#: Jobs that are decided before anything else is answered; more are decided beside it.
_AT_ONCE = 64
#: Seconds between two looks of the controller at the signals.
_TURN = 10.0


def create_app(service: Service, settings: Settings, *, routers: Iterable[APIRouter] = ()) -> FastAPI:
    """Return the application, to be run by any ASGI server.

    Parameters
    ----------
    service : Service
    settings : Settings
    routers : iterable of APIRouter
        Routes beside its own, behind the same guard: what an orchestrator calls.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        turning = asyncio.create_task(_turn(service))
        yield
        service.stopping = True
        turning.cancel()

    app = FastAPI(
        title="hal",
        summary="Where jobs run, and why not.",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    look_for_tracing()
    metrics = Metrics(service)

    @app.exception_handler(HalError)
    async def misuse(_: Request, error: Exception) -> Response:
        return problem(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if "json" not in request.headers.get("content-type", ""):
            return problem(422, "body: send it with Content-Type: application/json")
        return problem(422, said(error.errors(), skip=1))

    @app.get("/live", response_model=None)
    async def live() -> dict[str, bool]:
        """Whether the process lives."""
        return {"live": True}

    @app.get("/ready", response_model=None, responses={503: {"model": Problem}})
    async def ready() -> Response:
        """Whether its answers are about the cluster as it is, and it will take more requests."""
        trouble = service.trouble
        return problem(503, trouble) if trouble else json_answer({"ready": True})

    @app.get("/metrics", response_class=Response, responses=PROBLEMS)
    def exposition() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.text(), media_type=metrics.content_type)

    # The one route that schedulers call for every job: it reads and writes by itself, so `Direct` calls it.
    @app.post(
        "/v1/place", responses=PROBLEMS, response_model=PlaceAnswer, openapi_extra=body_of(PlaceRequest)
    )
    async def place(request: Request) -> Response:
        """Decide where jobs run, each seeing those before it."""
        asked = parsed(PlaceRequest, await request.body())
        if len(asked.jobs) > settings.max_jobs:
            raise HalError(f"jobs: {len(asked.jobs)} in one request; send at most {settings.max_jobs}")
        with span("hal.place", headers=request.headers, jobs=len(asked.jobs)):
            jobs = jobs_of(asked.jobs)
            if len(jobs) <= _AT_ONCE:
                decided = service.place(jobs, asked.policy, order=asked.order, apply=asked.apply)
            else:
                decided = await run_in_threadpool(
                    service.place, jobs, asked.policy, order=asked.order, apply=asked.apply
                )
        name, answers, seconds = decided
        metrics.placed(name, Counter(answer.status.name for answer in answers), seconds)
        return json_answer(
            {"policy": name, "seconds": seconds, "placements": [_plain(answer) for answer in answers]}
        )

    @app.post("/v1/explain", responses=PROBLEMS)
    def explain(request: ExplainRequest) -> ExplainAnswer:
        """Say where a job would go now, or why nowhere; books nothing."""
        (job,) = jobs_of([request.job])
        with span("hal.explain"):
            told = service.explain(job, request.policy, top=request.top)
        metrics.rejected(dict(told.reasons))
        return ExplainAnswer.model_validate(
            {
                "job": told.job,
                "status": told.status.name,
                "nodes": told.nodes,
                "feasible": told.feasible,
                "reasons": dict(told.reasons),
                "top": [
                    {"node": node, "score": score, "parts": dict(parts)} for node, score, parts in told.top
                ],
                "missing": told.missing,
                "preemption": told.preemption,
            }
        )

    @app.post("/v1/advise", responses=PROBLEMS)
    def advise(request: AdviseRequest) -> AdviseAnswer:
        """Say what would be done now with what waits, and why the rest would wait; books nothing."""
        with span("hal.advise"):
            answers, reasons, waiting, seconds = service.advise(
                request.policy, order=request.order, most=request.most, explained=request.explained
            )
        for explanation in reasons.values():
            metrics.rejected(dict(explanation.reasons))
        advice = [_plain(answer) | {"reasons": {}, "missing": ""} for answer in answers]
        for entry in advice:
            if told := reasons.get(entry["job"]):
                job, words = told.job, service.live.worded
                entry["reasons"] = {words(job, reason): nodes for reason, nodes in told.reasons.items()}
                entry["missing"] = words(job, told.missing)
        return AdviseAnswer.model_validate(
            {
                "policy": service.policy(request.policy).name,
                "seconds": seconds,
                "waiting": waiting,
                "placements": advice,
            }
        )

    @app.post("/v1/release", responses=PROBLEMS)
    async def release(request: ReleaseRequest) -> dict[str, int]:
        """Give back what jobs hold, all or none."""
        service.release(request.jobs)
        return {"released": len(request.jobs)}

    direct = direct_of(app.routes)
    for router in routers:
        app.include_router(router, responses=PROBLEMS)
        direct |= direct_of(router.routes)
    app.add_middleware(Direct, routes=direct)
    app.add_middleware(Guard, settings=settings, metrics=metrics)  # the last one added is the first one asked
    return app


async def _turn(service: Service) -> None:
    while True:
        service.readings.turn()
        await asyncio.sleep(_TURN)


def _plain(placement: Placement) -> dict[str, Any]:
    return {
        "job": placement.job,
        "status": placement.status.name,
        "nodes": placement.nodes,
        "gpus": placement.gpus,
        "scores": placement.scores,
    }
