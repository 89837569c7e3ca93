#!/bin/bash
# prometheus.sh: a real Prometheus and promtool, Debian's package.
set -euo pipefail
command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0
bash "$(dirname "$0")/../apt_install.sh" prometheus
