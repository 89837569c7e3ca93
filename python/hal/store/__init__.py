"""One transactional store for reservations and changes of quotas: SQLite by default, PostgreSQL by URL."""

from hal._show import show
from hal.errors import HalError, InvalidModel
from hal.plugins import WrongContract, load
from hal.plugins.finding import own
from hal.store.contract import CONTRACT, Conflict, Quota, Refused, Reservation, Store
from hal.store.sql import SCHEMES, SqlStore
from hal.store.stored_quotas import StoredQuotas

__all__ = [
    "CONTRACT",
    "Conflict",
    "Quota",
    "Refused",
    "Reservation",
    "SqlStore",
    "Store",
    "StoredQuotas",
    "open_store",
]


def _own(scheme: str) -> type[SqlStore] | None:
    return SqlStore if scheme.partition("+")[0] in SCHEMES else None


own("store", _own)


def open_store(url: str, *, timeout: float = 30.0) -> Store:
    """Open the store at a URL.

    Parameters
    ----------
    url : str
        ``"sqlite:///reservations.db"``, ``"postgresql://user@host/database"``, or the path of an SQLite file. Any
        other scheme names a plugin of the group ``hal.stores``, called as ``Plugin(url, timeout=timeout)``.
    timeout : float
        Seconds to wait for another writer.

    Returns
    -------
    Store

    Raises
    ------
    InvalidModel, HalError, MissingExtra
        As `SqlStore`; `InvalidModel` too when no plugin has that scheme.
    """
    scheme, there, _ = url.partition("://")
    if not there:
        return SqlStore(f"sqlite:///{url}", timeout=timeout)
    if _own(scheme) is not None:
        return SqlStore(url, timeout=timeout)
    try:
        create = load("store", scheme)
    except WrongContract:
        raise
    except HalError as error:
        raise InvalidModel(
            f"url = {show(url)}: give sqlite:///file.db or postgresql://user@host/db; {error}"
        ) from None
    store: Store = create(url, timeout=timeout)
    return store
