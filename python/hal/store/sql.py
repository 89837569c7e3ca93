"""The store on a database, through SQLAlchemy: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from hal._extras import require
from hal._show import show
from hal.errors import HalError, InvalidModel
from hal.store._tables import tables
from hal.store.contract import CONTRACT, Conflict, Quota, Reservation

__all__ = ["SCHEMES", "SqlStore"]

#: First words of the URLs that it understands.
SCHEMES: Final = ("sqlite", "postgresql")
_SCHEMA_VERSION: Final = 1
_LARGEST: Final = 2**53
#: Key of the advisory lock that makes writers on PostgreSQL take turns ("hal" in ASCII).
_LOCK: Final = 0x68616C


class SqlStore:
    """A `hal.store.Store` on SQLite or PostgreSQL.

    Writers take turns (``BEGIN IMMEDIATE`` on SQLite, an advisory lock on PostgreSQL), so what a change was checked
    against is still so when it is committed. SQLite syncs at every commit. One object may be used by several
    threads.

    Parameters
    ----------
    url : str
        ``"sqlite:///path/to/file.db"``, ``"postgresql://user@host/database"``; any SQLAlchemy URL of the two.
    timeout : float
        Seconds to wait for another writer, 0 … 3,600.

    Raises
    ------
    InvalidModel
        The URL is of another kind.
    HalError
        The database cannot be opened, or was written by a newer release.
    MissingExtra
        SQLAlchemy is not installed (extra ``store``).

    Notes
    -----
    Reserving reads the reservations that overlap in time: O(overlapping holdings · log).
    """

    contract: ClassVar[tuple[int, int]] = CONTRACT

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self._sql: Any = require("sqlalchemy", extra="store")
        if not 0 <= timeout <= 3600:
            raise InvalidModel(f"timeout = {show(timeout)}: give 0 to 3,600 seconds")
        self._engine = self._open(url, timeout)
        self._tables = tables(self._sql)
        with self._change() as db:
            self._tables.metadata.create_all(db)
            found = db.execute(self._sql.select(self._tables.about.c.schema)).scalar()
            if found is None:
                db.execute(self._tables.about.insert().values(schema=_SCHEMA_VERSION))
        if found is not None and found != _SCHEMA_VERSION:
            self.close()
            raise HalError(
                f"store: schema {found}, this release knows {_SCHEMA_VERSION}; use a newer hal-core"
            )

    def declare(self, capacities: Mapping[str, int]) -> None:
        """See `hal.store.Store.declare`."""
        for name, amount in capacities.items():
            _check_amount(f"capacities[{name!r}]", amount)
        with self._change() as db:
            for name, amount in sorted(capacities.items()):
                self._upsert(db, self._tables.capacity, {"resource": name}, {"amount": amount})
            self._check_room(db, sorted(capacities), None, None)

    def capacities(self) -> dict[str, int]:
        """See `hal.store.Store.capacities`."""
        with self._read() as db:
            return self._declared(db)

    def reserve(self, reservations: Sequence[Reservation]) -> None:
        """See `hal.store.Store.reserve`."""
        self.replace((), reservations)

    def cancel(self, names: Sequence[str]) -> int:
        """See `hal.store.Store.cancel`."""
        with self._change() as db:
            return self._delete(db, names)

    def replace(self, cancelled: Sequence[str], reservations: Sequence[Reservation]) -> None:
        """See `hal.store.Store.replace`."""
        if len({r.name for r in reservations}) < len(reservations):
            raise InvalidModel("reservations: a name comes twice; give each a name of its own")
        with self._change() as db:
            self._delete(db, cancelled)
            declared = self._declared(db)
            there = {r.name: r for r in self._named(db, [r.name for r in reservations])}
            new = []
            for r in reservations:
                unknown = [name for name in r.holds if name not in declared]
                if unknown:
                    raise InvalidModel(f"{r.name!r}: holds {show(unknown[0])}, which is not declared")
                if r.name not in there:
                    new.append(r)
                elif there[r.name] != r:
                    raise Conflict(f"{r.name!r} is reserved already, with other content")
            for r in new:
                row = {"name": r.name, "start": r.start, "end": r.end, "note": r.note}
                db.execute(self._tables.reservation.insert().values(**row))
                holds = [
                    {"name": r.name, "resource": name, "amount": amount, "start": r.start, "end": r.end}
                    for name, amount in r.holds.items()
                ]
                if holds:
                    db.execute(self._tables.hold.insert(), holds)
            if new:
                touched = sorted({name for r in new for name in r.holds})
                self._check_room(db, touched, min(r.start for r in new), max(r.end for r in new))

    def reservations(self, begin: int | None = None, end: int | None = None) -> list[Reservation]:
        """See `hal.store.Store.reservations`."""
        table = self._tables.reservation.c
        wanted = self._sql.select(table.name)
        if begin is not None:
            wanted = wanted.where(table.end > begin)
        if end is not None:
            wanted = wanted.where(table.start < end)
        with self._read() as db:
            return self._named(db, wanted)

    def set_quota(
        self,
        queue: str,
        limits: Mapping[str, int],
        *,
        version: int | None = None,
        check: Callable[[dict[str, Quota]], object] | None = None,
    ) -> Quota:
        """See `hal.store.Store.set_quota`."""
        for name, amount in limits.items():
            _check_amount(f"limits[{name!r}]", amount)
        table = self._tables.quota
        with self._change() as db:
            found = db.execute(self._sql.select(table.c.version).where(table.c.queue == queue)).scalar() or 0
            if version is not None and version != found:
                raise Conflict(f"quota of {queue!r} is at version {found}, not {version}; read it again")
            text = json.dumps(dict(limits), sort_keys=True)
            self._upsert(db, table, {"queue": queue}, {"limits": text, "version": found + 1})
            if check is not None:
                check(self._quotas(db))
        return Quota(dict(limits), found + 1)

    def quotas(self) -> dict[str, Quota]:
        """See `hal.store.Store.quotas`."""
        with self._read() as db:
            return self._quotas(db)

    def close(self) -> None:
        """See `hal.store.Store.close`."""
        self._engine.dispose()

    def __enter__(self) -> SqlStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- the database --------------------------------------------------------------------------------

    def _open(self, url: str, timeout: float) -> Any:
        try:
            parsed = self._sql.make_url(url)
        except (self._sql.exc.ArgumentError, TypeError):
            raise InvalidModel(
                f"url = {show(url)}: give sqlite:///file.db or postgresql://user@host/db"
            ) from None
        kind = parsed.get_backend_name()
        if kind == "postgresql":
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            wait = f"-c lock_timeout={max(1, round(timeout * 1000))}"  # 0 would wait for ever
            return self._sql.create_engine(parsed, connect_args={"options": wait}, pool_pre_ping=True)
        if kind != "sqlite":
            raise InvalidModel(f"url = {show(url)}: give sqlite:///file.db or postgresql://user@host/db")
        if parsed.database in (None, "", ":memory:"):
            raise InvalidModel(f"url = {show(url)}: name a file; what is only in memory survives no crash")
        engine = self._sql.create_engine(parsed, connect_args={"timeout": timeout})

        def prepare(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # transactions begin where this class says
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

        self._sql.event.listen(engine, "connect", prepare)
        return engine

    @contextmanager
    def _change(self) -> Iterator[Any]:
        """One transaction that no other writer interleaves with."""
        try:
            with self._engine.begin() as db:
                if self._engine.dialect.name == "sqlite":
                    db.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    db.execute(self._sql.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield db
        except self._sql.exc.SQLAlchemyError as error:
            raise HalError(f"store: {str(getattr(error, 'orig', None) or error).strip()}") from error

    @contextmanager
    def _read(self) -> Iterator[Any]:
        """One view of the database, whatever is written meanwhile."""
        try:
            with self._engine.begin() as db:
                if self._engine.dialect.name == "sqlite":
                    db.exec_driver_sql("BEGIN")
                else:
                    db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield db
        except self._sql.exc.SQLAlchemyError as error:
            raise HalError(f"store: {str(getattr(error, 'orig', None) or error).strip()}") from error

    def _upsert(self, db: Any, table: Any, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        matches = [table.c[name] == value for name, value in key.items()]
        if not db.execute(table.update().where(*matches).values(**values)).rowcount:
            db.execute(table.insert().values(**key, **values))

    def _quotas(self, db: Any) -> dict[str, Quota]:
        rows = db.execute(self._sql.select(self._tables.quota).order_by(self._tables.quota.c.queue)).all()
        return {row.queue: Quota(json.loads(row.limits), row.version) for row in rows}

    def _declared(self, db: Any) -> dict[str, int]:
        rows = db.execute(
            self._sql.select(self._tables.capacity).order_by(self._tables.capacity.c.resource)
        ).all()
        return {row.resource: row.amount for row in rows}

    def _delete(self, db: Any, names: Sequence[str]) -> int:
        count = 0
        for name in names:
            db.execute(self._tables.hold.delete().where(self._tables.hold.c.name == name))
            count += db.execute(
                self._tables.reservation.delete().where(self._tables.reservation.c.name == name)
            ).rowcount
        return count

    def _named(self, db: Any, names: Any) -> list[Reservation]:
        table, hold = self._tables.reservation, self._tables.hold
        rows = db.execute(
            self._sql.select(table).where(table.c.name.in_(names)).order_by(table.c.start, table.c.name)
        ).all()
        holds: dict[str, dict[str, int]] = {row.name: {} for row in rows}
        for row in db.execute(self._sql.select(hold).where(hold.c.name.in_(names)).order_by(hold.c.resource)):
            holds[row.name][row.resource] = row.amount
        return [
            Reservation(row.name, start=row.start, end=row.end, holds=holds[row.name], note=row.note)
            for row in rows
        ]

    def _check_room(self, db: Any, resources: Sequence[str], begin: int | None, end: int | None) -> None:
        """Raise `Conflict` when reservations hold more than there is, at some time in [begin, end)."""
        hold, declared = self._tables.hold, self._declared(db)
        for resource in resources:
            wanted = self._sql.select(hold).where(hold.c.resource == resource)
            if begin is not None:
                wanted = wanted.where(hold.c.end > begin, hold.c.start < end)
            rows = db.execute(wanted).all()
            steps = [(r.start, 1, r.amount, r.name) for r in rows] + [
                (r.end, 0, -r.amount, r.name) for r in rows
            ]
            held = 0
            for time, _, amount, name in sorted(steps):  # what ends at a time makes room for what begins then
                held += amount
                if held > declared[resource]:
                    raise Conflict(
                        f"{name!r}: {resource!r} has {declared[resource]:,}, and at {time} {held:,} would be held"
                    )


def _check_amount(field: str, amount: Any) -> None:
    if type(amount) is not int or not 0 <= amount <= _LARGEST:
        raise InvalidModel(f"{field} = {show(amount)}: give a whole number from 0 to 2**53")
