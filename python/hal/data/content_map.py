"""Which dataset is in which caches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal import _core
from hal._doors import must_be
from hal.data import _units, _yaml
from hal.data._columns import as_column, names_or_column
from hal.data.cache_tree import CacheTree
from hal.errors import InvalidModel

#: Values of the `change` column of `ContentMap.apply`.
ADDED: Final = 0
EVICTED: Final = 1

_Fault = tuple[int, int, int, int, int, int]


class ContentMap:
    """Which dataset is in which caches, with its bytes.

    A dataset has one size, and a cache holds it whole or not at all. Adding what is there and evicting what
    is not change nothing, so a stream may be delivered twice. A batch that breaks a rule is refused whole.

    Parameters
    ----------
    tree : CacheTree

    Notes
    -----
    Sized for 1,000,000 datasets and 10,000 caches. Datasets are known by name, or by the ids that `intern`
    and `new_datasets` give. Events may come from one thread while others ask.
    """

    def __init__(self, tree: CacheTree) -> None:
        self._tree = tree
        self._core = _core.ContentMap(must_be(tree, CacheTree, "tree")._core)

    @classmethod
    def from_yaml(cls, tree: CacheTree, source: str | PathLike[str]) -> ContentMap:
        """Read the section ``contents`` of a YAML file or text: cache → dataset → size.

        Raises
        ------
        InvalidModel
            As for `replace`, and for what is no such mapping.
        MissingExtra
            PyYAML is not installed.
        """
        contents = _yaml.read_section(source, "contents")
        if not isinstance(contents, Mapping):
            raise InvalidModel("contents: must map each cache to its datasets")
        content = cls(tree)
        for cache, inventory in contents.items():
            if not isinstance(inventory, Mapping) or not all(isinstance(name, str) for name in inventory):
                raise InvalidModel(f"contents of cache '{cache}': must map each dataset to its size")
            content.replace(cache, inventory)
        return content

    @property
    def tree(self) -> CacheTree:
        """The caches."""
        return self._tree

    def __len__(self) -> int:
        """Datasets known, held or not."""
        return int(self._core.datasets)

    def __repr__(self) -> str:
        return f"ContentMap({len(self)} datasets, {self._core.copies} copies in {len(self._tree)} caches)"

    # Datasets ----------------------------------------------------------------------------------------------

    def intern(self, names: Iterable[str]) -> NDArray[np.int32]:
        """Ids of datasets by name; a new name becomes a dataset that no cache holds: (names,) int32."""
        wanted = list(names)
        for name in wanted:
            if not isinstance(name, str) or not name:
                raise InvalidModel(f"dataset {name!r}: its name must be a non-empty text")
        return self._core.intern(wanted)

    @contextmanager
    def _new_names(self) -> Iterator[Callable[[Iterable[str]], NDArray[np.int32]]]:
        """Forget the names interned inside when what they are for is refused."""
        before = len(self)
        try:
            yield self.intern
        except InvalidModel:
            self._core.drop_datasets(before)
            raise

    def new_datasets(self, count: int) -> range:
        """`count` nameless datasets that no cache holds; their ids."""
        if count < 0 or count + len(self) >= 2**31:
            raise InvalidModel(f"count is {count}: must be 0 … {2**31 - 1 - len(self)}")
        first = self._core.add_datasets(count)
        return range(first, first + count)

    def ids(self, datasets: Iterable[str] | ArrayLike) -> NDArray[np.int32]:
        """Ids of known datasets, given by name or by id.

        Raises
        ------
        InvalidModel
            A name or an id is unknown.
        """
        names, ids = names_or_column("datasets", datasets)
        if names is not None:
            found = self._core.find(names)
            if (found < 0).any():
                name = names[int(np.argmin(found))]
                raise InvalidModel(f"dataset '{name}': unknown; no event or inventory has named it")
            return found
        bad = np.flatnonzero((ids < 0) | (ids >= len(self)))
        if bad.size:
            raise InvalidModel(f"datasets[{bad[0]}]: {ids[bad[0]]} is not one of 0 … {len(self) - 1}")
        return ids

    def name(self, dataset: int) -> str:
        """Name of a dataset by its id; ``"#17"`` for a nameless one."""
        return str(self._core.name(dataset))

    # Events ------------------------------------------------------------------------------------------------

    def add(self, dataset: str, cache: str, size: _units.Size) -> None:
        """Note that a cache now holds a dataset; raises as `apply`."""
        size = _units.parse_bytes(f"dataset '{dataset}': size", size)
        index = self._tree.index(cache)
        with self._new_names() as intern:
            self.apply(change=[ADDED], dataset=intern([dataset]), cache=[index], size=[size])

    def evict(self, dataset: str, cache: str) -> None:
        """Note that a cache no longer holds a dataset; raises as `apply`."""
        self.apply(change=[EVICTED], dataset=self.ids([dataset]), cache=[self._tree.index(cache)], size=[0])

    def apply(self, *, change: ArrayLike, dataset: ArrayLike, cache: ArrayLike, size: ArrayLike) -> None:
        """Apply events in their order; all of them or, when one breaks a rule, none.

        Parameters
        ----------
        change : (n,) uint8
            `ADDED` or `EVICTED`.
        dataset : (n,) int32
            Ids from `intern` or `new_datasets`.
        cache : (n,) int32
            Indices in the tree.
        size : (n,) int64, bytes
            Of the dataset; not read for an eviction.

        Raises
        ------
        InvalidModel
            An unknown dataset, cache or change; a size that is negative, over 8 PiB, or not the one other
            caches hold the dataset with; a dataset larger than every cache, or than what its cache has free.
            The message names the row, the dataset and the cache.
        """
        changes = as_column("change", change, np.uint8)
        n = len(changes)
        fault = self._core.apply(
            changes,
            as_column("dataset", dataset, np.int32, n),
            as_column("cache", cache, np.int32, n),
            as_column("size", size, np.int64, n),
        )
        if fault is not None:
            raise InvalidModel(self._words("event", fault))

    def replace(self, cache: str, inventory: Mapping[str, _units.Size]) -> None:
        """Take a cache's whole inventory: what it does not name has left the cache.

        Parameters
        ----------
        cache : str
        inventory : mapping of str to int or str
            Dataset → bytes.

        Raises
        ------
        InvalidModel
            As `apply`.
        """
        index = self._tree.index(cache)
        sizes = [_units.parse_bytes(f"dataset '{name}': size", size) for name, size in inventory.items()]
        with self._new_names() as intern:
            self.replace_arrays(index, intern(inventory), sizes)

    def replace_arrays(self, cache: int, dataset: ArrayLike, size: ArrayLike) -> None:
        """Take a whole inventory as columns: ids (n,) int32 and bytes (n,) int64; raises as `apply`."""
        ids = as_column("dataset", dataset, np.int32)
        if not 0 <= cache < len(self._tree):
            raise InvalidModel(f"cache {cache}: not one of 0 … {len(self._tree) - 1}")
        fault = self._core.replace(cache, ids, as_column("size", size, np.int64, len(ids)))
        if fault is not None:
            raise InvalidModel(self._words("inventory row", fault))

    def _words(self, row_name: str, fault: _Fault) -> str:
        kind, row, dataset, cache, got, limit = fault
        known = f"dataset '{self.name(dataset)}'" if dataset >= 0 else "no dataset"
        where = f"{row_name} {row}: {known} in cache '{self._tree.names[cache]}': "
        return {
            1: f"{where}change {got} is neither {ADDED} (added) nor {EVICTED} (evicted)",
            2: f"{row_name} {row}: dataset {got} is unknown; ids are 0 … {limit - 1}",
            3: f"{row_name} {row}: cache {got} is unknown; indices are 0 … {limit - 1}",
            4: f"{where}size {got} must be within 0 and {limit} bytes",
            5: f"{where}size {got} bytes, but other caches hold it with {limit}; name a new version anew",
            6: f"{where}{got} bytes are more than any cache of the tree can hold ({limit})",
            7: f"{where}{got} bytes are over capacity: {limit} are free; report evictions first",
            8: f"{where}listed twice; keep one",
        }[kind]

    # Questions ---------------------------------------------------------------------------------------------

    def size(self, dataset: str | int) -> int | None:
        """Bytes of a dataset; None while no event has told."""
        size = int(self._core.bytes(int(self.ids([dataset])[0])))
        return None if size < 0 else size

    def where(self, dataset: str | int) -> tuple[str, ...]:
        """Names of the caches that hold a dataset, by index."""
        return tuple(self._tree.names[i] for i in self._core.holders(int(self.ids([dataset])[0])))

    def contents(self, cache: str) -> dict[str, int]:
        """Dataset → bytes of one cache, by id."""
        return {
            self.name(int(i)): self._core.bytes(int(i)) for i in self._core.contents(self._tree.index(cache))
        }

    @property
    def used(self) -> NDArray[np.int64]:
        """Bytes held by each cache: (caches,) int64."""
        return self._core.used()

    @property
    def version(self) -> int:
        """Grows with every change; equal versions mean equal contents."""
        return int(self._core.version)
