#!/bin/sh
# Runs dockerd of the bundle PREFIX with ROOT as the root directory, in namespaces made by the caller (unshare -mnpf), so that
# this computer's network and mounts stay as they are. pivot_root, because user namespaces are refused in a chroot.
# usage: engine-in-namespaces.sh ROOT PREFIX
set -e
root=$1 prefix=$2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/var/lib"
cd "$root"
mkdir -p old
pivot_root . old
exec /bin/busybox sh -c '
set -e
/bin/busybox umount -l /old
export PATH=$1/bin:/bin:$1/iptables GODEBUG=netdns=go DOCKER_HOST=unix:///run/docker.sock
ip link set lo up
dockerd --storage-driver=vfs --userns-remap=dockremap -H $DOCKER_HOST >/run/engine.log 2>&1 &
engine=$!
tries=0
until docker version >/run/version 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 60 ] || ! kill -0 $engine; then cat /run/engine.log; exit 1; fi
  sleep 0.5
done
cat /run/version
tar -c -C / bin | docker import - tools >/dev/null
# Read from its log: what a container prints before the client is attached does not reach the client.
docker run -d --init --name user tools sh -c "echo container user \$(id -u) is \$(cat /proc/self/uid_map)" >/dev/null
docker wait user >/dev/null
docker logs user
docker rm user >/dev/null
docker run -d --name web -p 8080:80 tools sh -c "echo published page >/page; httpd -f -h /" >/dev/null
tries=0
until wget -qO- http://127.0.0.1:8080/page; do
  tries=$((tries + 1))
  if [ $tries -gt 20 ]; then docker logs web; exit 1; fi
  sleep 0.5
done
ps -o pid,comm | while read -r pid name; do
  case $name in dockerd | containerd* | docker-proxy) cat /proc/$pid/maps ;; esac
done | while read -r range mode offset device inode file; do
  case $file in *.so*) echo "maps $file" ;; esac
done
docker rm -f web >/dev/null
rmdir /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker 2>/dev/null || true
' sh "$prefix"
