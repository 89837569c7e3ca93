"""The published result files: six policies on nine traces with ten seeds, per percent of arrived demand."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.replay.openb.metrics import PERCENTS

__all__ = ["POLICIES", "SEEDS", "TRACES", "Published", "read_published"]

#: The nine traces, as in ``openb_pod_list_<trace>.csv``.
TRACES: Final = (
    "default",
    "cpu050",
    "cpu250",
    "gpushare40",
    "gpushare100",
    "gpuspec10",
    "gpuspec33",
    "multigpu20",
    "multigpu50",
)
SEEDS: Final = range(42, 52)
#: hal's name of a policy → its label in the files.
POLICIES: Final[Mapping[str, str]] = {
    "random": "01-Random",
    "dot_product": "02-DotProd",
    "gpu_clustering": "03-GpuClustering",
    "gpu_packing": "04-GpuPacking",
    "best_fit": "05-BestFit",
    "fgd": "06-FGD",
}

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """Curves by (trace, policy, seed); each (131,) float64 in % of GPU capacity."""

    allocation: Mapping[tuple[str, str, int], Curve]
    fragmentation: Mapping[tuple[str, str, int], Curve]

    def mean(self, trace: str, policy: str) -> Curve:
        """Mean allocation over the published seeds, (131,) float64.

        Raises
        ------
        InvalidModel
            Nothing was published for them.
        """
        runs = [curve for key, curve in self.allocation.items() if key[:2] == (trace, policy)]
        if not runs:
            raise InvalidModel(f"trace = {trace!r}, policy = {policy!r}: no published result")
        return np.asarray(np.mean(runs, axis=0))


def read_published(folder: str | PathLike[str]) -> Published:
    """Read ``published_allocation.csv.gz`` and ``published_fragmentation.csv.gz``.

    Raises
    ------
    InvalidModel
        A file is missing, cut short or not what it should be; the message names file and line.
    """
    return Published(
        *(
            _read(path_of(folder, "folder") / f"published_{kind}.csv.gz")
            for kind in ("allocation", "fragmentation")
        )
    )


def _read(path: Path) -> dict[tuple[str, str, int], Curve]:
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidModel(f"{path}: cannot be read ({error}); is it there and complete?") from None
    names = {label: name for name, label in POLICIES.items()}
    out: dict[tuple[str, str, int], Curve] = {}
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        try:
            trace = row["workload"].removeprefix("openb_pod_list_")
            values = np.array([float(row[str(percent)]) for percent in range(PERCENTS)])
            out[trace, names[row["sc_policy"]], int(row["seed"])] = values
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidModel(
                f"{path} line {reader.line_num}: not a row of published results ({error!r})"
            ) from None
    return out
