#!/bin/bash
# servers.sh: installs the real servers that the adapters are tested against, where they are not there yet.
# They are started by the tests themselves, on loopback, in folders of their own, and ended by their process ids.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
packages=()
command -v slurmctld >/dev/null || packages+=(slurmctld)
command -v slurmd >/dev/null || packages+=(slurmd)
command -v sbatch >/dev/null || packages+=(slurm-client)
command -v munged >/dev/null || packages+=(munge)
command -v slurmrestd >/dev/null || packages+=(slurmrestd slurm-wlm-jwt-plugin)
[ -e /usr/share/lua/5.1/socket.lua ] || packages+=(lua-socket)  # for slurmctld's job_submit.lua
[ ${#packages[@]} -eq 0 ] && exit 0
[ "$(id -u)" = 0 ] || { echo "not installed: ${packages[*]}; run as root, or install them" >&2; exit 1; }
# A service started by the installation would take the ports and names of the machine.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.hal
if [ ! -e /usr/sbin/policy-rc.d ]; then
    mv /usr/sbin/policy-rc.d.hal /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
else
    rm -f /usr/sbin/policy-rc.d.hal
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
