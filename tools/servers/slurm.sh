#!/bin/bash
# slurm.sh: a real Slurm, Debian's packages.
set -euo pipefail
packages=()
command -v slurmctld >/dev/null || packages+=(slurmctld)
command -v slurmd >/dev/null || packages+=(slurmd)
command -v sbatch >/dev/null || packages+=(slurm-client)
command -v munged >/dev/null || packages+=(munge)
command -v slurmrestd >/dev/null || packages+=(slurmrestd slurm-wlm-jwt-plugin)
[ -e /usr/share/lua/5.1/socket.lua ] || packages+=(lua-socket)  # for slurmctld's job_submit.lua
[ ${#packages[@]} -eq 0 ] || bash "$(dirname "$0")/../apt_install.sh" "${packages[@]}"
