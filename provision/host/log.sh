# Prints the engine's last log lines. $1 prefix of all paths, $2-$5 as in facts.sh, $6: number of lines.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
main() {
  if command -v tsmachine-service >/dev/null 2>&1; then tsmachine-service engine log -n "$6"; return; fi
  if [ -d "$1/run/systemd/system" ]; then
    journalctl -u docker.service -o short-iso --no-pager -n "$6"
    return
  fi
  for log in /var/lib/boot2docker/log/docker.log /var/lib/boot2docker/docker.log /var/log/docker.log; do
    [ -f "$1$log" ] || continue
    tail -n "$6" "$1$log"
    return
  done
}
main "$@" </dev/null
