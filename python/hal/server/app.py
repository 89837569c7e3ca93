"""The routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from hal.answer import Placement
from hal.errors import HalError
from hal.server.guard import Guard
from hal.server.metrics import Metrics
from hal.server.service import Service, jobs_of
from hal.server.settings import Settings
from hal.server.tracing import span

__all__ = ["create_app"]

Order = Literal["given", "priority", "largest_first", "smallest_first"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")
    policy: Annotated[
        str | None, Field(max_length=500, description="Policy by name; absent: the server's.")
    ] = None


class PlaceRequest(_Request):
    """Jobs to decide for."""

    jobs: Annotated[list[dict[str, Any]], Field(description="Fields of hal.Job each.", min_length=1)]
    order: Order = "given"
    apply: Annotated[bool, Field(description="Book what is placed.")] = False


class ExplainRequest(_Request):
    """A job to explain."""

    job: Annotated[dict[str, Any], Field(description="Fields of hal.Job.")]
    top: Annotated[int, Field(ge=0, le=100, description="Best nodes to show.")] = 5


class ReleaseRequest(BaseModel):
    """Jobs that have ended."""

    model_config = ConfigDict(extra="forbid")
    jobs: Annotated[list[str], Field(min_length=1, max_length=100_000)]


class Answer(BaseModel):
    """One job's answer."""

    job: str
    status: Literal["PLACED", "UNSCHEDULABLE", "INFEASIBLE"]
    nodes: list[str]
    gpus: list[list[int]]
    scores: list[float]


class PlaceAnswer(BaseModel):
    """Answers in the order given."""

    policy: str
    seconds: float
    placements: list[Answer]


class ExplainAnswer(BaseModel):
    """Why a job would go where it would, or nowhere."""

    job: str
    status: str
    nodes: int
    feasible: int
    reasons: dict[str, int]
    top: list[dict[str, Any]]
    missing: str
    preemption: str


class Problem(BaseModel):
    """What was wrong with a request."""

    detail: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 409, 413, 422, 429)
}


def create_app(service: Service, settings: Settings) -> FastAPI:
    """Return the application, to be run by any ASGI server.

    Parameters
    ----------
    service : Service
    settings : Settings
    """
    app = FastAPI(
        title="hal", summary="Where jobs run, and why not.", version="1", docs_url=None, redoc_url=None
    )
    metrics = Metrics(service)
    app.add_middleware(Guard, settings=settings, metrics=metrics)

    @app.exception_handler(HalError)
    async def misuse(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        told = [
            f"{'.'.join(map(str, item['loc'][1:])) or 'body'}: {item['msg']}" for item in error.errors()[:5]
        ]
        return JSONResponse({"detail": "; ".join(told)}, 422)

    @app.get("/live", response_model=None)
    async def live() -> dict[str, bool]:
        """Whether the process lives."""
        return {"live": True}

    @app.get("/ready", response_model=None, responses={503: {"model": Problem}})
    async def ready() -> JSONResponse:
        """Whether it takes requests; not any more while it shuts down."""
        if service.ready:
            return JSONResponse({"ready": True})
        return JSONResponse({"detail": "shutting down"}, 503)

    @app.get("/metrics", response_class=Response, responses=_PROBLEMS)
    def exposition() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.text(), media_type=metrics.content_type)

    @app.post("/v1/place", responses=_PROBLEMS)
    async def place(request: PlaceRequest) -> PlaceAnswer:
        """Decide where jobs run, each seeing those before it."""
        if len(request.jobs) > settings.max_jobs:
            raise HalError(f"jobs: {len(request.jobs)} in one request; send at most {settings.max_jobs}")
        with span("hal.place", jobs=len(request.jobs)):
            placements, answers, seconds = service.place(
                jobs_of(request.jobs), request.policy, order=request.order, apply=request.apply
            )
        name = placements.policy.name
        metrics.placed(name, {status.name: count for status, count in placements.counts().items()}, seconds)
        return PlaceAnswer.model_construct(
            policy=name, seconds=seconds, placements=[_answer(answer) for answer in answers]
        )

    @app.post("/v1/explain", responses=_PROBLEMS)
    def explain(request: ExplainRequest) -> ExplainAnswer:
        """Say where a job would go now, or why nowhere; books nothing."""
        (job,) = jobs_of([request.job])
        with span("hal.explain"):
            told = service.explain(job, request.policy, top=request.top)
        metrics.rejected(dict(told.reasons))
        return ExplainAnswer(
            job=told.job,
            status=told.status.name,
            nodes=told.nodes,
            feasible=told.feasible,
            reasons=dict(told.reasons),
            top=[{"node": node, "score": score, "parts": dict(parts)} for node, score, parts in told.top],
            missing=told.missing,
            preemption=told.preemption,
        )

    @app.post("/v1/release", responses=_PROBLEMS)
    async def release(request: ReleaseRequest) -> dict[str, int]:
        """Give back what jobs hold, all or none."""
        service.release(request.jobs)
        return {"released": len(request.jobs)}

    return app


def _answer(placement: Placement) -> Answer:
    return Answer.model_construct(
        job=placement.job,
        status=placement.status.name,
        nodes=list(placement.nodes),
        gpus=[list(task) for task in placement.gpus],
        scores=list(placement.scores),
    )
