"""A contract for import-linter: some packages may import only what is public."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class PublicOnlyContract(Contract):
    """No module of ``package`` imports a private one (a name that starts with ``_``) from outside it."""

    package = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Collect every direct import of a private module."""
        inside = f"{self.package}."
        broken = [
            f"{importer} -> {imported}"
            for importer in sorted({self.package, *graph.find_descendants(self.package)})
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not imported.startswith(inside) and any(part.startswith("_") for part in imported.split("."))
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the offending imports."""
        for line in check.metadata["broken"]:
            output.print_error(line, bold=False)
