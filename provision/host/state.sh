# Prints how a host is doing, for a bug report: a heading and a program's output each. $1-$5 as in facts.sh, $6: lines of the
# kernel's log. What a host does not have says so; nothing is changed.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
show() {
  echo "--- $1"
  shift
  command -v "$1" >/dev/null 2>&1 || { echo "not on this host"; return; }
  "$@" 2>&1
}
main() {
  show uptime uptime
  show memory free -m
  show "room on disks" df -hP
  show "inodes" df -iP
  show addresses ip -br address
  show "what listens" ss -lnt
  show "settings of the engine" cat "$1/etc/docker/daemon.json"
  show "service of the engine" service_state
  echo "--- kernel's log"
  dmesg 2>&1 | tail -n "$6"
}
service_state() {
  if command -v tsmachine-service >/dev/null 2>&1; then tsmachine-service engine status; return; fi
  if [ -d "$1/run/systemd/system" ]; then systemctl --no-pager -l -n 0 status docker.service; return; fi
  rc-service docker status
}
main "$@" </dev/null
