"""One transactional store for reservations and changes of quotas: SQLite by default, PostgreSQL by URL."""

from hal.store.contract import CONTRACT_VERSION, Conflict, Quota, Refused, Reservation, Store
from hal.store.sql import SqlStore

__all__ = [
    "CONTRACT_VERSION",
    "Conflict",
    "Quota",
    "Refused",
    "Reservation",
    "SqlStore",
    "Store",
    "open_store",
]


def open_store(url: str, *, timeout: float = 30.0) -> Store:
    """Open the store at a URL.

    Parameters
    ----------
    url : str
        ``"sqlite:///reservations.db"``, ``"postgresql://user@host/database"``, or the path of an SQLite file.
    timeout : float
        Seconds to wait for another writer.

    Returns
    -------
    Store

    Raises
    ------
    InvalidModel, HalError, MissingExtra
        As `SqlStore`.
    """
    return SqlStore(url if "://" in url else f"sqlite:///{url}", timeout=timeout)
