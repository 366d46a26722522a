#!/bin/busybox sh
# shellcheck shell=sh
# Process 1 of the initrd: finds the slot that GRUB named, mounts it and what is written to, and starts the system in it.
#
# The slot is read-only. /var and /opt/cni lie on the data partition, and so does what differs from the slot in /etc, for each
# slot of its own. Without a data partition that can be used the device still starts, with memory in its place.
/bin/busybox --install -s /bin
export PATH=/bin

say() {
    # The kernel brings it to all consoles; what is worse than a warning is shown there even when it is told to be quiet.
    echo "<$1>initrd: $2" >/dev/kmsg
}

fail() {
    say 3 "$1"
    say 3 "this slot cannot be started; restarting in 10 seconds"
    sleep 10
    reboot -f
    sleep 60
    exit 1
}

# The value of $1 on the kernel's command line.
value_of() {
    # Words are what is wanted, not lines.
    # shellcheck disable=SC2013
    for word in $(cat /proc/cmdline); do
        case $word in
        "$1="*) echo "${word#*=}" ;;
        esac
    done
}

# The name of partition $2 of the disk whose MBR says that it is $1.
find_partition() {
    for disk in /sys/block/*; do
        name=${disk##*/}
        # The disk's identity lies behind the code of the boot sector, in four bytes, the lowest first.
        if [ "$(dd if="/dev/$name" bs=4 skip=110 count=1 2>/dev/null | hexdump -e '1/4 "%08x"')" = "$1" ]; then
            for partition in "$disk/$name"*/partition; do
                if [ "$(cat "$partition" 2>/dev/null)" = "$2" ]; then
                    partition=${partition%/partition}
                    echo "${partition##*/}"
                    return
                fi
            done
        fi
    done
}

wait_for_partition() {
    tries=0
    while [ "$tries" -lt 150 ]; do
        found=$(find_partition "$1" "$2")
        if [ -n "$found" ]; then
            echo "$found"
            return
        fi
        tries=$((tries + 1))
        sleep 0.2
    done
}

# Checks and mounts the file system on $1 at /root/data; the slot has the program that checks it.
mount_data() {
    mount -t devtmpfs dev /root/dev
    mount -t proc proc /root/proc
    chroot /root /sbin/e2fsck -p "/dev/$1" >/run/e2fsck 2>&1
    status=$?
    if [ "$status" -ge 4 ]; then
        say 4 "the data partition $1 has errors, which are repaired"
        chroot /root /sbin/e2fsck -y "/dev/$1" >/run/e2fsck 2>&1
        status=$?
    fi
    umount /root/dev /root/proc
    if [ "$status" -ge 4 ]; then
        while read -r line; do
            say 3 "e2fsck: $line"
        done </run/e2fsck
        return 1
    fi
    mount -t ext4 -o noatime,commit=60 "/dev/$1" /root/data
}

# A slot that an update was written to takes along what the device has changed in /etc, before it is started for the first time:
# what the device has changed is the device's. All of it is there at once, whenever the power goes.
take_changes() {
    from=/root/data/etc-$slot.from
    [ -f "$from" ] || return 0
    before=etc-$(cat "$from") new=etc-$slot.new
    rm -rf "/root/data/$new" && mkdir -p "/root/data/$new/work" "/root/data/$before/upper" &&
        # The system's own program knows the attributes by which an overlay remembers what was removed.
        chroot /root /bin/cp -a "/data/$before/upper" "/data/$new/upper" || return 1
    # The mark that the present system's /etc is up to date.
    rm -f "/root/data/$new/upper/.updated"
    # Accounts that the new system has besides those of the device.
    for file in passwd group shadow gshadow; do
        changed=/root/data/$new/upper/$file
        if [ -f "$changed" ] && [ -f "/root/etc/$file" ]; then
            awk -F: '!seen[$1]++' "$changed" "/root/etc/$file" >/run/accounts && cat /run/accounts >"$changed" || return 1
        fi
    done
    sync && rm -rf "/root/data/etc-$slot" && mv "/root/data/$new" "/root/data/etc-$slot" && sync && rm "$from" && sync
}

# Lays what is written to over the slot.
lay_data() {
    rm -rf /root/data/var.new
    if [ ! -d /root/data/var ]; then
        # There at once or not at all, whenever the power goes.
        cp -a /root/var /root/data/var.new && sync && mv /root/data/var.new /root/data/var && sync || return 1
    fi
    take_changes || fail "what this device has changed in /etc cannot be taken along"
    mkdir -p /root/data/cni "/root/data/etc-$slot/upper" "/root/data/etc-$slot/work" &&
        mount -o bind /root/data/var /root/var &&
        mount -o bind /root/data/cni /root/opt/cni &&
        mount -t overlay -o "lowerdir=/root/etc,upperdir=/root/data/etc-$slot/upper,workdir=/root/data/etc-$slot/work" \
            overlay /root/etc
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=0755,nosuid,nodev run /run

while read -r module; do
    # Those for other hardware refuse to be loaded; what is missing shows by what cannot be found then.
    insmod "/modules/$module.ko" 2>/dev/null
done </modules/order

slot=$(value_of device.slot)
disk=$(value_of device.disk)
case $slot in
A) number=2 ;;
B) number=3 ;;
*) fail "the kernel's command line names no slot: device.slot is '$slot'" ;;
esac

system=$(wait_for_partition "$disk" "$number")
[ -n "$system" ] || fail "there is no disk $disk with a partition $number: $(echo /sys/class/block/*)"
mount -t squashfs -o ro "/dev/$system" /root || fail "$system, the partition of slot $slot, holds no file system"
[ -x /root/sbin/init ] || [ -L /root/sbin/init ] || fail "slot $slot has no /sbin/init"

data=$(find_partition "$disk" 4)
mkdir -p /run/device
if [ -z "$data" ] || ! mount_data "$data" || ! lay_data; then
    umount /root/etc /root/opt/cni /root/var /root/data 2>/dev/null
    say 3 "THE DATA PARTITION CANNOT BE USED: until the next start everything is kept in memory, then it is lost"
    : >/run/device/data-in-memory
    mount -t tmpfs -o mode=0755,size=50% data /root/data
    lay_data || fail "memory cannot take the place of the data partition"
fi

mount -o move /run /root/run
mount -o move /dev /root/dev
umount /proc /sys
exec switch_root -c /dev/console /root /sbin/init
