# Waits until the running engine says that it keeps (true) or does not keep (false) containers over its own restart. $1: true|false.
wanted=$1
socket=/var/run/docker.sock
PATH=$PATH:/opt/tsmachine/current/bin

current() {
  if command -v docker >/dev/null 2>&1; then
    env -i PATH="$PATH" HOME=/nonexistent docker -H "unix://$socket" info --format '{{.LiveRestoreEnabled}}' 2>&1
  elif command -v curl >/dev/null 2>&1; then
    curl -s --unix-socket "$socket" http://engine/info | sed -n 's/.*"LiveRestoreEnabled":\([a-z]*\).*/\1/p'
  else
    # Nobody to ask: a reload takes milliseconds.
    sleep 3
    echo "$wanted"
  fi
}

tries=0
until seen=$(current) && [ "$seen" = "$wanted" ]; do
  tries=$((tries + 1))
  if [ $tries -gt 40 ]; then
    echo "the engine did not take over live-restore=$wanted from daemon.json; it says: $seen"
    exit 1
  fi
  sleep 0.25 2>/dev/null || sleep 1
done
