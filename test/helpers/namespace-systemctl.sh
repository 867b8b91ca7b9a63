#!/bin/sh
# systemd of a host that is namespaces: it knows sshd, and an engine that is up while /run/engine/up exists. What the engine
# has read at its start lies beside that, for the server outside that speaks for it.
quiet='' verb='' units=''
for word; do
  case $word in
    -q) quiet=yes ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else units="$units $word"; fi ;;
  esac
done

engine_start() {
  for file in ca.pem server.pem server-key.pem; do cp "/etc/docker/$file" /run/engine/ || return 1; done
  /opt/tsmachine/current/bin/dockerd --version >/run/engine/version || return 1
  : >/run/engine/up
}

state() {
  [ -e /etc/systemd/system/docker.service ] || { echo 'LoadState=not-found'; echo 'ActiveState=inactive'; return; }
  echo 'LoadState=loaded'
  if [ -e /run/engine/up ]; then echo 'ActiveState=active'; else echo 'ActiveState=inactive'; fi
  if [ -e /etc/systemd/docker.enabled ]; then echo 'UnitFileState=enabled'; else echo 'UnitFileState=disabled'; fi
  echo 'FragmentPath=/etc/systemd/system/docker.service'
}

mkdir -p /run/engine
case "$verb$units" in
  show*) echo 'Id=docker.service'; state ;;
  'reload ssh.service') read -r pid </run/sshd.pid && kill -HUP "$pid" ;;
  is-active*ssh.service*) [ -n "$quiet" ] || echo active ;;
  is-active*docker.service*) [ -e /run/engine/up ] ;;
  is-active*) exit 3 ;;
  enable*docker.service*) mkdir -p /etc/systemd && : >/etc/systemd/docker.enabled ;;
  'start docker.service') [ -e /run/engine/up ] || engine_start ;;
  'restart docker.service') rm -f /run/engine/up && engine_start ;;
  'stop docker.service') rm -f /run/engine/up ;;
esac
