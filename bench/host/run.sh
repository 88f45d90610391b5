#!/usr/bin/env bash
# On a GPU host, beside what `npm run bench:gpu` has packed: bash .gpu-host/run.sh [options of run.mjs]
# Unpacks once into FOVEA_HOST_DIR (default: a folder for temporary files), finds the GPU's Vulkan driver, and runs.
set -euo pipefail
pack=$(cd "$(dirname "$0")" && pwd)
host=${FOVEA_HOST_DIR:-${TMPDIR:-/tmp}/fovea-gpu-host}
if [ ! -e "$host/ready" ]; then
  mkdir -p "$host/bin" "$host/root" "$host/fovea"
  xz -dc "$pack/node.xz" > "$host/bin/node"
  chmod +x "$host/bin/node"
  for deb in "$pack"/debs/*.deb; do [ ! -e "$deb" ] || dpkg -x "$deb" "$host/root"; done
  tar -xJf "$pack/fovea.tar.xz" -C "$host/fovea"
  touch "$host/ready"
fi
libraries=
if ! ldconfig -p 2>/dev/null | grep -q libvulkan.so.1; then libraries=$host/root/usr/lib/x86_64-linux-gnu; fi
# A driver that is mounted somewhere else, as in containers and virtual machines.
if ! ldconfig -p 2>/dev/null | grep -q libGLX_nvidia.so.0; then
  driver=$(find /usr/local /opt -maxdepth 5 -name libGLX_nvidia.so.0 2>/dev/null | head -n 1 || true)
  [ -z "$driver" ] || libraries=$libraries${libraries:+:}$(dirname "$driver")
fi
if [ -n "$libraries" ]; then export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; fi
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && ! ls /usr/share/vulkan/icd.d/nvidia* /etc/vulkan/icd.d/nvidia* >/dev/null 2>&1; then
  icd=$(find /usr/local /opt -maxdepth 6 -name nvidia_icd.json 2>/dev/null | head -n 1 || true)
  [ -z "$icd" ] || export VK_DRIVER_FILES=$icd
fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
exec "$host/bin/node" "$host/fovea/bench/host/run.mjs" "$@"
