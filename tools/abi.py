"""Write down the C interface (functions, structs, sizes, offsets), and hold it against what releases promised.

``abi.py LIBRARY`` compares with ``src/halcore/c_api/abi``: the newest file must say exactly what is there, and
nothing that an older one says may be gone or moved; structs may only have grown. ``--write`` writes the newest.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = ROOT / "src" / "halcore" / "c_api"
FOLDER = HEADERS / "abi"


def exported(library: Path) -> list[str]:
    """Functions that the library exports, and whatever else it does."""
    shown = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in shown.stdout.splitlines()]
    return sorted(f"function {name}" for *_, kind, name in rows if kind != "A")


def structs() -> dict[str, list[str]]:
    """Fields of each struct of the headers, as written."""
    found: dict[str, list[str]] = {}
    for name in ("hal_plugin.h", "hal.h"):
        text = re.sub(r"/\*.*?\*/", "", (HEADERS / name).read_text(), flags=re.DOTALL)
        for match in re.finditer(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.DOTALL):
            fields: list[str] = []
            for declaration in filter(None, (part.strip() for part in match[2].split(";"))):
                pointer = re.search(r"\(\*(\w+)\)\s*\(", declaration)
                names = [pointer[1]] if pointer else re.findall(r"(\w+)\s*(?:,|$)", declaration)
                fields.extend(names)
            found[match[1]] = fields
    return found


def layout() -> list[str]:
    """Size of each struct and offset of each field, as the C compiler has them."""
    lines = []
    for struct, fields in structs().items():
        lines.append(f'printf("struct {struct} %zu\\n", sizeof({struct}));')
        lines += [f'printf("field {struct}.{f} %zu\\n", offsetof({struct}, {f}));' for f in fields]
    body = "\n    ".join(lines)
    program = f"#include <hal.h>\n#include <stdio.h>\nint main(void) {{\n    {body}\n    return 0;\n}}\n"
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder) / "layout.c", Path(folder) / "layout"
        source.write_text(program)
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-std=c11", f"-I{HEADERS}", source, "-o", binary], check=True)
        shown = subprocess.run([binary], capture_output=True, text=True, check=True)
    return shown.stdout.splitlines()


def version_of(path: Path) -> tuple[int, ...]:
    """Order of a file named by its release."""
    return tuple(int(part) for part in path.stem.split("."))


def broken(old: list[str], new: list[str]) -> list[str]:
    """Lines of an older release that no longer hold."""
    sizes = {
        line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in new if line.startswith("struct ")
    }
    present = set(new)
    lost = []
    for line in old:
        head, _, size = line.rpartition(" ")
        if line.startswith("struct ") and sizes.get(head, -1) >= int(size):
            continue
        if line not in present:
            lost.append(line)
    return lost


def main() -> int:
    """Compare or write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    now = exported(options.library) + layout()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = FOLDER / f"{version}.txt"
    if options.write:
        FOLDER.mkdir(exist_ok=True)
        newest.write_text("\n".join(now) + "\n")
        return 0
    status = 0
    for path in sorted(FOLDER.glob("*.txt"), key=version_of):
        lost = broken(path.read_text().splitlines(), now)
        for line in lost:
            print(f"{path.name} promised what is no longer so: {line}")
        status |= bool(lost)
    kept = newest.read_text().splitlines() if newest.exists() else []
    if kept != now:
        added = sorted(set(now) - set(kept))
        print(
            f"{newest.name} does not say all that is there: {added[:5]}; run tools/abi.py --write", sep="\n"
        )
        status = 1
    if not status:
        print(f"the C interface keeps what {len(list(FOLDER.glob('*.txt')))} release(s) promised")
    return status


if __name__ == "__main__":
    sys.exit(main())
