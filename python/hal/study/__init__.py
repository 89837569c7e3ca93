"""Studies: grids of simulations, run where there is room, resumed where they stopped, told as tables and pictures."""

from hal.study.cell import MACHINES, WORKLOADS, Cell, Machine, controller_of
from hal.study.engines import ENGINES, run_cells
from hal.study.pictures import draw_traces, save_page, save_trace
from hal.study.store import Store
from hal.study.summary import Estimate, estimate

__all__ = [
    "ENGINES",
    "MACHINES",
    "WORKLOADS",
    "Cell",
    "Estimate",
    "Machine",
    "Store",
    "controller_of",
    "draw_traces",
    "estimate",
    "run_cells",
    "save_page",
    "save_trace",
]
