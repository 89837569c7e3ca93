"""What is sent and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from hal.errors import HalError

__all__ = [
    "PROBLEMS",
    "AdviseAnswer",
    "AdviseRequest",
    "ExplainAnswer",
    "ExplainRequest",
    "PlaceAnswer",
    "PlaceRequest",
    "Problem",
    "ReleaseRequest",
    "body_of",
    "json_answer",
    "parsed",
    "problem",
    "said",
]

T = TypeVar("T", bound=BaseModel)

Order = Literal["given", "priority", "largest_first", "smallest_first"]
Status = Literal["PLACED", "UNSCHEDULABLE", "INFEASIBLE"]


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


class AdviseRequest(_Request):
    """What to say of the jobs that wait."""

    order: Order = "given"
    most: Annotated[int, Field(ge=1, le=100_000, description="Jobs, from the front of the queue.")] = 1000
    explained: Annotated[int, Field(ge=0, le=1000, description="Jobs told why they would go on waiting.")] = (
        20
    )


class ReleaseRequest(BaseModel):
    """Jobs that have ended."""

    model_config = ConfigDict(extra="forbid")
    jobs: Annotated[list[str], Field(min_length=1, max_length=100_000)]


class Answer(BaseModel):
    """One job's answer."""

    job: str
    status: Status
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
    status: Status
    nodes: int
    feasible: int
    reasons: dict[str, int]
    top: list[dict[str, Any]]
    missing: str
    preemption: str


class Advice(Answer):
    """What would become of one job that waits."""

    reasons: Annotated[dict[str, int], Field(description="Reason → nodes it rejects; for those explained.")]
    missing: Annotated[str, Field(description="What would be needed, in one line.")]


class AdviseAnswer(BaseModel):
    """What would be done now."""

    policy: str
    seconds: float
    waiting: Annotated[int, Field(description="Jobs that wait in all.")]
    placements: list[Advice]


class Problem(BaseModel):
    """What was wrong with a request."""

    detail: str


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem} for code in (400, 401, 409, 413, 422, 429)
}


def parsed(kind: type[T], body: bytes) -> T:
    """Return the message in a body.

    Raises
    ------
    HalError
        It is another one, or none.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise HalError(said(error.errors(include_url=False, include_context=False))) from None


def json_answer(value: object, status: int = 200) -> Response:
    """Return an answer of plain values."""
    return Response(to_json(value), status, media_type="application/json")


def problem(status: int, detail: str) -> Response:
    """Return the answer that says what was wrong."""
    return json_answer({"detail": detail}, status)


def said(errors: Sequence[Mapping[str, Any]], *, skip: int = 0) -> str:
    """Return what is wrong with a message in one line; ``skip``: parts of a place that only the server knows."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc'][skip:])) or 'body'}: {item['msg']}" for item in errors[:5]
    )


def body_of(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the part of an OpenAPI operation that describes a body which the route reads itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": kind.model_json_schema()}},
        }
    }
