#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A machine of its own under a real systemd, made of namespaces and of this machine's files, none of which it changes (machine.py).
#
#   machine.sh hold CGROUP FOLDER...    until it is switched off; FOLDERs can be read in it at the same path
#   machine.sh boot FOLDER...           its first process, in namespaces of its own
set -eu

base=/run        # of the holder's mount namespace: what is written lives here, also over a reboot
root=$base/root

hold() {
        echo $$ >"$1/cgroup.procs"
        shift
        mount --make-rprivate /
        mount -t tmpfs -o mode=755 tmpfs $base
        mkdir $base/changes $base/work $root
        mkdir -p $base/changes/etc/systemd
        while :; do
                # 129: ended by the signal of a reboot
                status=0
                setpriv --pdeathsig KILL unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh "$0" boot "$@" || status=$?
                [ $status -eq 129 ] || exit $status
        done
}

devices() {
        mount -t tmpfs -o mode=755 tmpfs dev
        for name in null zero full random urandom tty; do
                touch dev/$name
                mount --bind /dev/$name dev/$name
        done
        touch dev/console
        mount --bind /dev/null dev/console
        mkdir dev/pts dev/shm
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
        ln -s pts/ptmx dev/ptmx
        ln -s /proc/self/fd dev/fd
}

# What this machine starts, and what would set up hardware and kernel, is none of its services.
services() {
        [ -d $base/units ] || mkdir $base/units $base/settings
        for unit in systemd-udevd.service systemd-udev-trigger.service systemd-sysctl.service systemd-modules-load.service \
                systemd-timesyncd.service systemd-remount-fs.service systemd-binfmt.service getty.target; do
                ln -sf /dev/null $base/units/$unit
        done
        mount --bind $base/units etc/systemd/system
        mkdir -p etc/sovd-gateway
        mount --bind $base/settings etc/sovd-gateway
}

boot() {
        mount -t overlay -o lowerdir=/,upperdir=$base/changes,workdir=$base/work overlay $root
        cd $root
        mount -t proc proc proc
        mount --bind proc/sys proc/sys
        mount -o remount,ro,bind proc/sys
        mount -t sysfs -o ro sysfs sys
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        devices
        for folder in tmp run var/log; do
                mount -t tmpfs -o mode=1777 tmpfs $folder
        done
        mkdir run/lock
        services
        for folder in "$@"; do
                [ -d ".$folder" ] || mkdir -p ".$folder"
                mount --bind "$folder" ".$folder"
                mount -o remount,ro,bind ".$folder"
        done
        mkdir -p run/old
        pivot_root . run/old
        umount -l run/old
        mount --make-rshared / # credentials are mounted into services from outside
        exec env -i container=namespaces PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=multi-user.target
}

do=$1
shift
case $do in
hold) hold "$@" ;;
boot) boot "$@" ;;
esac
