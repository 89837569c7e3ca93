#!/bin/bash
# servers.sh: installs the real servers that the adapters are tested against, where they are not there yet.
# They are started by the tests themselves, on loopback, in folders of their own, and ended by their process ids.
set -euo pipefail
for script in "$(dirname "$0")"/servers/*.sh; do
    echo "== $(basename "$script" .sh)"
    bash "$script"
done
