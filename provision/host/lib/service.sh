# Starts, restarts or reloads the engine under an init system that does not say when it is ready, and waits for its
# answer. $1: start|restart|reload, then the program (and words) that drives the service.
action=$1
shift
socket=$TSM_ROOT/var/run/docker.sock
pidfile=$TSM_ROOT/var/run/docker.pid
PATH=$PATH:/opt/tsmachine/current/bin
tries=0
misses=0

answers() {
  if command -v docker >/dev/null 2>&1; then
    env -i PATH="$PATH" HOME=/nonexistent docker -H "unix://$socket" version --format '{{.Server.Version}}'
  elif command -v curl >/dev/null 2>&1; then curl -sf --unix-socket "$socket" http://engine/_ping
  else [ -S "$socket" ] && kill -0 "$(cat "$pidfile")"
  fi >/dev/null 2>&1
}

if [ "$action" = reload ]; then
  kill -HUP "$(cat "$pidfile")"
  exit
fi
# Some say "already started" with a failure: what counts is whether the engine answers.
if ! said=$("$@" "$action" 2>&1 </dev/null); then printf '%s\n' "$said"; fi
until answers; do
  tries=$((tries + 1))
  pidof dockerd >/dev/null 2>&1
  [ $? -ne 1 ] || misses=$((misses + 1))
  if [ $misses -ge 10 ] || [ $tries -ge 300 ]; then
    printf '%s\n' "$said"
    if [ $misses -ge 10 ]; then echo 'the engine ended'; else echo 'the engine does not answer'; fi
    exit 1
  fi
  sleep 0.5 2>/dev/null || sleep 1
done
