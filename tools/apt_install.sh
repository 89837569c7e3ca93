#!/bin/bash
# apt_install.sh PACKAGE…: installs Debian packages without starting their services, which would take the ports and
# names of the machine.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
[ "$(id -u)" = 0 ] || { echo "not installed: $*; run as root, or install them" >&2; exit 1; }
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.hal
if [ ! -e /usr/sbin/policy-rc.d ]; then
    mv /usr/sbin/policy-rc.d.hal /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
else
    rm -f /usr/sbin/policy-rc.d.hal
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@"
