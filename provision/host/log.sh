# Prints the engine's last log lines. $1 prefix of all paths, $2-$5 as in facts.sh, $6: number of lines.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
main() {
  if command -v tsmachine-service >/dev/null 2>&1; then tsmachine-service engine log -n "$6"
  elif command -v journalctl >/dev/null 2>&1; then journalctl -u docker.service -o short-iso --no-pager -n "$6"
  else tail -n "$6" "$1/var/log/docker.log"
  fi
}
main "$@" </dev/null
