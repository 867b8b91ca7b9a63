# Prints what a plan needs to know of this host: one JSON object whose values are strings. Changes nothing.
# $1 prefix of all paths (empty but in tests), $2 how root is reached, $3 login user, $4 its uid, $5 SSH_CONNECTION.
# Values go through one awk that quotes them; nothing found on the host is ever evaluated.
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
root=$1 how=$2 user=$3 uid=$4 connection=$5
PATH=$PATH:$root/usr/bin:$root/usr/sbin
export LC_ALL PATH
nl='
'

# say KEY VALUE: the value's first line
say() {
  printf '%s\n' "K$1" ">${2%%"$nl"*}"
}

# text KEY FILE: a file's text, empty when it cannot be read
text() {
  printf '%s\n' "K$1"
  [ -r "$2" ] && [ -f "$2" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' ">$line"; done <"$2"
}

# output KEY: text on stdin
output() {
  printf '%s\n' "K$1"
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' ">$line"; done
}

first_line() {
  first=
  [ -r "$1" ] && IFS= read -r first <"$1"
}

find_init() {
  init=unknown
  settings=$root/etc/docker
  if [ -x "$root/usr/bin/tsmachine-service" ] || [ -x "$root/usr/sbin/tsmachine-service" ]; then init=tsmachine
  elif grep -q '^ID=boot2docker' "$root/etc/os-release" 2>/dev/null; then
    init=boot2docker
    settings=$root/var/lib/boot2docker/etc/docker
  elif [ -d "$root/run/systemd/system" ]; then init=systemd
  elif [ -d "$root/run/openrc" ] || [ -x "$root/sbin/openrc-run" ]; then init=openrc
  fi
  say init "$init"
}

basics() {
  say sudo "$how"
  say user "$user"
  say uid "$uid"
  say connection "$connection"
  address=${connection#* * }
  say subnet "$(ip -o addr 2>/dev/null | awk -v at="${address%% *}/" 'index($4, at) == 1 { print $4; exit }')"
  text os_release "$root/etc/os-release"
  say arch "$(uname -m)"
  first_line /proc/sys/kernel/osrelease
  say kernel "$first"
  first_line /proc/sys/kernel/hostname
  say hostname "$first"
  say clock "$(date +%s)"
  if [ -e "$root/sys/fs/cgroup/cgroup.controllers" ]; then
    say cgroup 2
    text cgroup_controllers "$root/sys/fs/cgroup/cgroup.controllers"
  else
    for controller in "$root"/sys/fs/cgroup/*; do [ -d "$controller" ] && say cgroup 1 && break; done
  fi
}

# existing FOLDER: itself, or the nearest above it that is there
existing() {
  folder=$1
  until [ -d "$folder" ]; do folder=${folder%/*}; [ -n "$folder" ] || folder=/; done
  printf '%s\n' "$folder"
}

# A kernel without a list of its modules has all built in, or an update has taken the list away while some were loaded.
kernel_features() {
  first_line /proc/sys/kernel/osrelease
  modules=$root/lib/modules/$first
  wanted='overlay|nf_tables|ip_tables|bridge|veth'
  {
    grep -ohsE "/($wanted)\\.ko" "$modules/modules.dep" "$modules/modules.builtin" | sed 's|^/||; s|\.ko$||'
    grep -ohswE "$wanted" "$root/proc/filesystems" "$root/proc/modules"
  } | sort -u | output kernel_has
  if [ -s "$modules/modules.dep" ] || [ -s "$modules/modules.builtin" ]; then say kernel_modules known
  elif grep -qs . "$root/proc/modules"; then
    for other in "$root"/lib/modules/*/modules.dep; do [ -s "$other" ] && say kernel_modules gone && break; done
  fi
}

data_room() {
  say data_root "${data:-/var/lib/docker}"
  df -Pk "$(existing "$root${data:-/var/lib/docker}")" 2>/dev/null | output df_data
}

# What decides whether and how an engine can be installed.
system() {
  first_line "$root/sys/fs/selinux/enforce"
  say selinux "$first"
  text mounts "$root/proc/mounts"
  df -Pk "$(existing "$root/opt")" 2>/dev/null | output df_opt
  data_room
  kernel_features
  grep -hs '^docker:' "$root/etc/group" "$root/usr/lib/group" | head -n 1 | output docker_group
  for ca in ssl/certs/ca-certificates.crt pki/tls/certs/ca-bundle.crt ssl/ca-bundle.pem ssl/cert.pem; do
    [ -s "$root/etc/$ca" ] && say public_cas "/etc/$ca" && break
  done
  say iptables "$(command -v iptables)"
  say docker_cli "$(command -v docker)"
  say dockerd "$(command -v dockerd)"
}

# Who decides about what comes in. Listing rules loads kernel modules, so it is done only where they are in use.
firewall() {
  say firewalld "$firewalld"
  if [ -n "$firewalld" ] || [ -d "$root/etc/firewalld/zones" ]; then
    grep -hs '<port ' "$root"/etc/firewalld/zones/*.xml | output firewalld_ports
  fi
  ufw=$(sed -n 's/^ENABLED=//p' "$root/etc/ufw/ufw.conf" 2>/dev/null)
  say ufw "$ufw"
  [ "$ufw" != yes ] || grep -hs '^### tuple' "$root"/etc/ufw/user.rules "$root"/lib/ufw/user.rules | output ufw_rules
  [ "$ufw$firewalld" = "" ] || [ "$ufw$firewalld" = no ] || return 0
  if grep -qs '^filter' "$root/proc/net/ip_tables_names" || grep -qs '^nf_tables ' "$root/proc/modules"; then
    iptables -S INPUT 2>/dev/null | output iptables_input
    nft -s list ruleset 2>/dev/null | awk '
      $1 == "table" { table = $2 " " $3 }
      $1 == "chain" { chain = $2; kept = 0 }
      / hook input / { kept = 1; print "chain " table " " chain " " $0; next }
      $1 == "}" { kept = 0 }
      kept && NF { print "rule " $0 }
    ' | head -n 300 | output nft_input
  fi
}

cloud_init() {
  if [ -f "$root/run/cloud-init/result.json" ]; then say cloud_init done
  elif [ -d "$root/run/cloud-init" ] && [ ! -f "$root/run/cloud-init/disabled" ]; then say cloud_init running
  fi
}

bundles() {
  for done in "$root"/opt/tsmachine/*/.complete; do
    [ -f "$done" ] || continue
    done=${done%/.complete}
    [ -h "$done" ] || printf '%s\n' "${done##*/}"
  done | output bundles
  say current_bundle "$(readlink "$root/opt/tsmachine/current" 2>/dev/null)"
}

# Files that an earlier run may have installed, as sha256sum prints them.
installed() {
  set --
  for file in "$settings"/*.pem "$settings"/daemon.json "$settings"/engine.env "$settings"/certs.d/*/ca.crt \
    "$root"/var/lib/boot2docker/*.pem "$root"/var/lib/boot2docker/engine.env "$root"/var/lib/boot2docker/profile \
    "$root"/etc/tsmachine/* "$root"/etc/modules-load.d/tsmachine.conf "$root"/etc/init.d/docker \
    "$root"/etc/init.d/tsmachine-containerd "$root"/etc/conf.d/docker "$root"/etc/default/docker \
    "$root"/etc/systemd/system/docker.service "$root"/etc/systemd/system/tsmachine-containerd.service \
    "$root"/etc/systemd/system/docker.service.d/10-machine.conf; do
    [ -f "$file" ] && set -- "$@" "$file"
  done
  [ $# -eq 0 ] || sha256sum "$@" 2>/dev/null | output files
  # While a restart is under way daemon.json is not what it should be: the copy beside it is.
  kept=$settings/daemon.json.before-restart
  text daemon_json "$settings/daemon.json"
  [ -f "$kept" ] && { say restart_unfinished yes; text daemon_json "$kept"; }
  for mark in "$root"/run/tsmachine/pending/*; do [ -f "$mark" ] && printf '%s\n' "${mark##*/}"; done | output pending
}

# Shims are the parents of running containers; a swarm leaves a non-empty state file.
containers() {
  count=0
  busy=
  firewalld=
  keeper=
  for comm in /proc/[0-9]*/comm; do
    IFS= read -r name <"$comm" || continue
    case $name in
      containerd-shim*) count=$((count + 1)) ;;
      firewalld) firewalld=yes ;;
      chronyd | ntpd | openntpd | systemd-timesyn) keeper=$name ;;
      apt | apt-get | dpkg | unattended-upgr* | dnf | yum | zypper | pacman | apk) busy=$name ;;
    esac
  done 2>/dev/null
  say containers "$count"
  say package_lock "$busy"
  say time_sync "$keeper"
  data=$(sed -n 's/.*"data-root"[^"]*"\([^"]*\)".*/\1/p' "$settings/daemon.json" 2>/dev/null)
  state=$root${data:-/var/lib/docker}/swarm/docker-state.json
  [ -s "$state" ] && say swarm yes
}

tsmachine_engine() {
  state=$(tsmachine-service engine status 2>/dev/null)
  state=${state#engine: }
  say engine_state "${state%% *}"
}

systemd_engine() {
  units=$(systemctl show docker.service docker.socket firewalld.service ufw.service -p Id -p LoadState \
    -p ActiveState -p UnitFileState -p FragmentPath -p DropInPaths 2>/dev/null)
  printf '%s\n' "$units" | output units
  # The unit as its packager wrote it: ours (10-machine.conf) replaces ExecStart and must not be read back.
  printf '%s\n' "$units" | while IFS= read -r line; do
    case $line in FragmentPath=* | DropInPaths=*) ;; *) continue ;; esac
    for path in ${line#*=}; do
      case $path in
        */10-machine.conf) ;;
        */docker.service | */docker.service.d/*) [ -f "$root$path" ] && cat "$root$path" && printf '\n[]\n' ;;
      esac
    done
  done | output unit_text
}

# A program of 100 MB: it is asked beside everything else, and answers in one line of its own.
engine_version() {
  engine=$(command -v dockerd || :)
  [ -n "$engine" ] || engine=$root/opt/tsmachine/current/bin/dockerd
  [ -x "$engine" ] || return 0
  version=$("$engine" --version 2>/dev/null)
  printf '%s\n' "V${version%%"$nl"*}"
}

# Services that are scripts. The engine runs when the process that it noted is one.
script_engine() {
  text service_text "$root/etc/init.d/docker"
  for options in $1; do
    [ -e "$root$options" ] || grep -qs "$options" "$root/etc/init.d/docker" || continue
    say options_path "$root$options"
    text options_text "$root$options"
    break
  done
  first_line "$root/var/run/docker.pid"
  case $first in '' | *[!0-9]*) first=none ;; esac
  if [ -e "$root/run/openrc/starting/docker" ]; then say engine_state starting
  elif grep -qsx dockerd "/proc/$first/comm"; then say engine_state running
  fi
  for link in "$root"/etc/runlevels/*/docker; do [ -h "$link" ] && say engine_enabled yes && break; done
}

facts() {
  find_init
  [ "$init" = tsmachine ] || engine_version &
  basics
  installed
  containers
  case $init in
    tsmachine) data_room; tsmachine_engine ;;
    systemd) system; cloud_init; firewall; bundles; systemd_engine ;;
    boot2docker) system; script_engine /var/lib/boot2docker/profile; say engine_enabled yes ;;
    *) system; cloud_init; firewall; bundles; script_engine '/etc/conf.d/docker /etc/default/docker' ;;
  esac
  wait
}

to_json() {
  awk '
    function quote(s,   out, i, c, n) {
      if (s !~ /[\\"\001-\037\177]/) return s
      n = length(s)
      out = ""
      for (i = 1; i <= n; i++) { c = substr(s, i, 1); out = out ((c in escaped) ? escaped[c] : c) }
      return out
    }
    BEGIN {
      for (i = 1; i < 32; i++) escaped[sprintf("%c", i)] = sprintf("\\u%04x", i)
      escaped["\""] = "\\\""
      escaped["\\"] = "\\\\"
      printf "{"
    }
    /^K/ { if (key != "") printf "%s\"%s\":\"%s\"", comma, key, value; if (key != "") comma = ","; key = substr($0, 2); value = ""; filled = 0 }
    /^>/ { value = value (filled ? "\\n" : "") quote(substr($0, 2)); filled = 1 }
    /^V/ { version = quote(substr($0, 2)) }
    END { printf "%s\"%s\":\"%s\",\"engine_version\":\"%s\"}\n", comma, key, value, version }
  '
}

main() {
  facts | to_json
}

main </dev/null
