#!/bin/busybox sh
# shellcheck shell=dash
# The first process: loads the modules, mounts the disk, hands over to the disk's /init.
b=/bin/busybox
$b mkdir -p /dev /proc /disk
$b mount -t devtmpfs dev /dev
while read -r module; do
	$b insmod "/modules/$module" || echo "@failed insmod $module"
done </order
tries=0
until [ -b /dev/vda ] || [ $tries = 100 ]; do
	$b sleep 0.1
	tries=$((tries + 1))
done
$b mount -t ext4 -o noatime /dev/vda /disk || echo "@failed there is no disk"
$b mount --move /dev /disk/dev
exec $b switch_root /disk /init
