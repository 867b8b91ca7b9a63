# Prints what keeps programs on this host from working, whatever they themselves say: `@@host KIND ...`, one a line.
#   full MOUNT KIB FREE | inodes MOUNT COUNT FREE   a file system without room, where the engine or we write
#   killed TEXT       the kernel ended a program for want of memory in the last quarter of an hour
#   memory KIB FREE   beside the former
#   clock SECONDS     since 1970
# $1: prefix of all paths.
host_root=$1
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH

# Each file system once: a device may be mounted on many folders, and many have no device.
file_systems() {
  data=$(sed -n 's/.*"data-root"[^"]*"\([^"]*\)".*/\1/p' "$host_root/etc/docker/daemon.json" 2>/dev/null)
  for folder in "${data:-/var/lib/docker}" /var/lib/containerd /var/lib/tsmachine /etc /etc/docker /opt /var/log /run /tmp; do
    folder=$host_root$folder
    [ -d "$folder" ] || continue
    df "$1" "$folder" 2>/dev/null | awk 'NR > 1 && NF >= 6 { print $1, $2, $4, $6 }'
  done | awk '{ key = $1 ~ /^\/dev\// ? $1 : $4 } !seen[key]++'
}

# Of a read-only one nobody expects room.
is_read_only() {
  awk -v point="$1" '$2 == point { options = "," $4 "," } END { exit options !~ /,ro,/ }' "$host_root/proc/mounts" 2>/dev/null
}

# short KIND FLAG LEAST: file systems that have less than the least left. One that counts nothing (no inodes) is not short.
short() {
  file_systems "$2" | while read -r _ all free point; do
    case $all$free in '' | *[!0-9]*) continue ;; esac
    [ "$all" -gt 0 ] && [ "$free" -lt "$3" ] && ! is_read_only "$point" && printf '%s\n' "@@host $1 $point $all $free"
  done
}

# Lines of the kernel's log begin with seconds since the start.
killed() {
  read -r up _ <"$host_root/proc/uptime" 2>/dev/null
  dmesg 2>/dev/null | awk -v up="${up%%.*}" '
    /Out of memory: Killed process/ {
      text = $0
      at = sub(/^\[ */, "", text) ? text + 0 : up
      sub(/^[^]]*\] */, "", text)
      if (up - at < 900) print "@@host killed " text
    }
  ' | tail -n 3
}

memory() {
  awk '/^MemTotal:/ { all = $2 } /^MemAvailable:/ { free = $2 } END { if (all) print "@@host memory", all, free + 0 }' \
    "$host_root/proc/meminfo" 2>/dev/null
}

trouble() {
  short full -Pk 8192
  short inodes -Pi 64
  memory
  killed
  printf '%s\n' "@@host clock $(date +%s)"
}

trouble </dev/null
