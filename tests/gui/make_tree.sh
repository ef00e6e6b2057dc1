#!/bin/bash
# make_tree.sh TREE [SUITE]: a small Debian with Blender, a display and a mouse in the folder TREE.
# As root; some 3 minutes and 1.3 GB. SUITE: trixie (Blender 4.3) or sid (the newest).
set -eu
tree=$1 suite=${2:-trixie}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
command -v debootstrap >/dev/null || apt-get install -y -q debootstrap
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
mirror=${mirror:-http://deb.debian.org/debian}
debootstrap --variant=minbase "$suite" "$tree" "${mirror%/}"
echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/fast"
printf 'path-exclude=/usr/share/%s/*\n' doc man locale >"$tree/etc/dpkg/dpkg.cfg.d/slim"
# sid's Release file may be older than it allows itself to be.
echo 'Acquire::Check-Valid-Until "false";' >"$tree/etc/apt/apt.conf.d/99valid"
cp -L /etc/resolv.conf "$tree/etc/"
chroot "$tree" apt-get update -q
cattr=
chroot "$tree" apt-cache show python3-cattr >/dev/null 2>&1 && cattr=python3-cattr
chroot "$tree" apt-get install -y -q --no-install-recommends blender xvfb xdotool \
    libgl1-mesa-dri libegl1 python3-venv python3-numpy python3-requests python3-zstandard $cattr
chroot "$tree" apt-get clean
cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
chroot "$tree" blender --version | head -1 >"$tree/blender-version"
cat "$tree/blender-version"
