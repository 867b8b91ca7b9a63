# Waits until no package manager works on this host. $1: seconds at most. Tells who holds it on descriptor 4.
LC_ALL=C
export LC_ALL

# Files that apt, dpkg, rpm, dnf5 and apk lock while they work, and files with the pid of yum, dnf and zypper.
locked='var/lib/dpkg/lock-frontend var/lib/dpkg/lock var/lib/apt/lists/lock var/cache/apt/archives/lock
  var/lib/rpm/.rpm.lock usr/lib/sysimage/rpm/.rpm.lock lib/apk/db/lock run/dnf/rpmtransaction.lock'
pids='run/yum.pid var/run/yum.pid run/zypp.pid var/run/zypp.pid var/cache/dnf/metadata_lock.pid
  var/cache/dnf/download_lock.pid var/lib/dnf/rpmdb_lock.pid'

# The process that has a lock on a file. An inode's number alone may be that of a file on another disk.
locker() {
  inode=$(stat -c %i "$1") || return 1
  for pid in $(awk -v inode="$inode" '{ split($6, at, ":"); if (at[3] == inode) print $5 }' /proc/locks); do
    ls -l "/proc/$pid/fd" 2>/dev/null | grep -qF -- "$(readlink -f "$1")" && return 0
  done
  return 1
}

running_pacman() {
  for comm in /proc/[0-9]*/comm; do
    IFS= read -r name <"$comm" || continue
    case $name in pacman | packagekitd) pid=${comm#/proc/} pid=${pid%/comm}; return 0 ;; esac
  done 2>/dev/null
  return 1
}

# Sets pid.
find_holder() {
  for file in $locked; do [ -f "$TSM_ROOT/$file" ] && locker "$TSM_ROOT/$file" && return 0; done
  for file in $pids; do
    [ -f "$TSM_ROOT/$file" ] && read -r pid <"$TSM_ROOT/$file" && [ -n "$pid" ] && [ -d "/proc/$pid" ] && return 0
  done
  [ -f "$TSM_ROOT/var/lib/pacman/db.lck" ] && running_pacman
}

describe() {
  IFS= read -r name 2>/dev/null <"/proc/$pid/comm" || name=
  words=$(tr '\000\n' '  ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c 1-120)
  holder="${name:-a program} (pid $pid: ${words% })"
}

waited=0 told=
while find_holder; do
  describe
  if [ $waited -ge "$1" ]; then
    echo "after $waited s the package manager is still in use by $holder"
    exit 1
  fi
  [ "$pid" = "$told" ] || printf '%s\n' "@@note waiting for $holder to leave the package manager" >&4
  told=$pid
  sleep 1
  waited=$((waited + 1))
done
exit 0
