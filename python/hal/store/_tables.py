"""Tables of the SQL store."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Tables", "tables"]


class Tables(NamedTuple):
    """The tables, as SQLAlchemy knows them."""

    metadata: Any
    about: Any
    capacity: Any
    reservation: Any
    hold: Any
    quota: Any


def tables(sql: Any) -> Tables:
    """Describe the tables; ``sql`` is the package sqlalchemy."""
    meta = sql.MetaData()
    whole, text = sql.BigInteger, sql.Text
    about = sql.Table("hal_store", meta, sql.Column("schema", sql.Integer, nullable=False))
    capacity = sql.Table(
        "hal_capacity",
        meta,
        sql.Column("resource", text, primary_key=True),
        sql.Column("amount", whole, nullable=False),
    )
    reservation = sql.Table(
        "hal_reservation",
        meta,
        sql.Column("name", text, primary_key=True),
        sql.Column("start", whole, nullable=False),
        sql.Column("end", whole, nullable=False),
        sql.Column("note", text, nullable=False),
    )
    hold = sql.Table(
        "hal_hold",
        meta,
        sql.Column("name", text, sql.ForeignKey("hal_reservation.name"), primary_key=True),
        sql.Column("resource", text, primary_key=True),
        sql.Column("amount", whole, nullable=False),
        sql.Column("start", whole, nullable=False),
        sql.Column("end", whole, nullable=False),
        sql.Index("hal_hold_by_resource", "resource", "end", "start"),
    )
    quota = sql.Table(
        "hal_quota",
        meta,
        sql.Column("queue", text, primary_key=True),
        sql.Column("limits", text, nullable=False),
        sql.Column("version", whole, nullable=False),
    )
    return Tables(meta, about, capacity, reservation, hold, quota)
