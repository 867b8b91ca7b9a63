# Host-key rotation in two parts, each harmless to repeat and safe to cut at any point. Prints a public line.
# $1 prefix of all paths, $2-$5 as in facts.sh, $6: next|install, $7 and $8: type and base64 of the key of this connection.
#   next     makes the next key if there is none; its private half never leaves the host.
#   install  puts it in the live key's place and has sshd use it; running sessions go on.
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
root=$1 action=$6 connected="$7 $8"
live=$root/etc/ssh/ssh_host_ed25519_key
next=$live.tsmachine-next
umask 077

public_of() {
  ssh-keygen -y -f "$1" | awk '{ print $1, $2; exit }'
}

# The live key on disk may already be the new one, its sshd not yet told: then that is the next key.
already_replaced() {
  case $connected in "ssh-ed25519 "?*) [ "$1" != "$connected" ] ;; *) return 1 ;; esac
}

openssh_next() {
  if [ -s "$next" ]; then public_of "$next"; return; fi
  if [ -s "$live" ]; then
    now=$(public_of "$live")
    if already_replaced "$now"; then printf '%s\n' "$now"; return; fi
  fi
  rm -f "$next.making" "$next.making.pub"
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$next.making" || return 1
  rm -f "$next.making.pub"
  mv -f "$next.making" "$next" && sync && public_of "$next"
}

# Only the pinned key is offered, where sshd reads a folder of settings.
only_this_key() {
  folder=$root/etc/ssh/sshd_config.d
  grep -qi '^[[:space:]]*Include[[:space:]].*sshd_config\.d' "$root/etc/ssh/sshd_config" 2>/dev/null || return 0
  [ -d "$folder" ] || return 0
  printf 'HostKey %s\n' "$live" >"$folder/10-tsmachine-hostkey.conf" || return 1
  chmod 644 "$folder/10-tsmachine-hostkey.conf"
  [ -n "$root" ] || sshd -t || rm -f "$folder/10-tsmachine-hostkey.conf"
}

tell_sshd() {
  if [ -d "$root/run/systemd/system" ]; then
    for unit in ssh sshd; do
      systemctl -q is-active "$unit.service" || continue
      systemctl reload "$unit.service" && return 0
    done
    # Socket activation: each connection starts its own sshd.
    systemctl -q is-active ssh.socket sshd.socket && return 0
  fi
  for file in run/sshd.pid var/run/sshd.pid run/ssh/sshd.pid; do
    [ -r "$root/$file" ] && read -r pid <"$root/$file" && kill -HUP "$pid" && return 0
  done
  return 1
}

# cloud-init restarts sshd while the host boots (its ssh_pwauth does): for a moment there is nobody to be told.
reload_sshd() {
  left=20
  while [ "$left" -gt 0 ]; do
    tell_sshd && return 0
    [ -d "$root/run/systemd/system" ] || break
    left=$((left - 1))
    sleep 1
  done
  echo 'sshd could not be told to read its new host key' >&2
  return 1
}

openssh_install() {
  [ -s "$next" ] && { mv -f "$next" "$live" || return 1; }
  public_of "$live" >"$live.pub.new" && chmod 644 "$live.pub.new" && mv -f "$live.pub.new" "$live.pub" || return 1
  only_this_key && sync && reload_sshd && public_of "$live"
}

tsmachine_next() {
  now=$(tsmachine-hostkey show | awk '{ print $1, $2; exit }')
  if [ -n "$now" ] && already_replaced "$now"; then printf '%s\n' "$now"; else tsmachine-hostkey next; fi
}

tsmachine_install() {
  tsmachine-hostkey install >/dev/null && tsmachine-hostkey show
}

main() {
  if command -v tsmachine-hostkey >/dev/null 2>&1; then "tsmachine_$action"; else "openssh_$action"; fi
}

main </dev/null
