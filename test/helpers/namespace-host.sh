#!/bin/sh
# A Linux host that is namespaces of this computer: its own /etc, /run, /opt, /root, /tmp, processes and name, and a real sshd
# on a loopback address. Started by `unshare -muipf`; services are what the folder `sbin` says (namespace-host.ts).
# usage: namespace-host.sh DIR NAME
set -e
dir=$1 name=$2
mount --make-rprivate /
mount -t proc proc /proc
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/work" /etc
for folder in root opt run; do mount --bind "$dir/$folder" "/$folder"; done
mount --bind "$dir/sbin" /usr/local/sbin
mount --bind "$dir/tmp" /tmp
hostname "$name"
mkdir -p /run/sshd /run/systemd/system
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
[ ! -e /etc/systemd/docker.enabled ] || systemctl start docker.service || :
exec /usr/sbin/sshd -D -e
