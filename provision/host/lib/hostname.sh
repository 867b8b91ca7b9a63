# Gives the host a name, now and after a reboot, and lets it resolve it. $1: name (letters, digits, dots and dashes).
name=$1
if command -v sethostname >/dev/null 2>&1; then
  # docker-machine's image keeps nothing but /var/lib/boot2docker.
  mkdir -p "$TSM_ROOT/var/lib/boot2docker/etc" && printf '%s\n' "$name" >"$TSM_ROOT/var/lib/boot2docker/etc/hostname"
  sethostname "$name"
  exit
fi
# cloud-init would give the host the provider's name again at the next boot.
if [ -d "$TSM_ROOT/etc/cloud/cloud.cfg.d" ]; then
  printf 'preserve_hostname: true\nhostname: "%s"\n' "$name" >"$TSM_ROOT/etc/cloud/cloud.cfg.d/99-tsmachine-hostname.cfg"
fi
hosts=$TSM_ROOT/etc/hosts

# replace FILE TEXT: on a full disk the old text stays. Where the file itself is a mount it cannot be replaced.
replace() {
  if ! printf '%s\n' "$2" >"$1.tsmachine-new"; then
    rm -f "$1.tsmachine-new"
    return 1
  fi
  mv -f "$1.tsmachine-new" "$1" 2>/dev/null && return
  cat "$1.tsmachine-new" >"$1" && rm -f "$1.tsmachine-new"
}

replace "$TSM_ROOT/etc/hostname" "$name" || exit 1
[ -e "$hosts" ] || printf '127.0.0.1 localhost\n' >"$hosts" || exit 1
# busybox's awk does not tell that it found no room, so it writes no file.
text=$(awk -v name="$name" '
  { for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i == name) found = 1 }
  $1 == "127.0.1.1" && !replaced { line[NR] = "127.0.1.1 " name; replaced = 1; next }
  { line[NR] = $0 }
  END {
    for (i = 1; i <= NR; i++) print line[i]
    if (!found && !replaced) print "127.0.1.1 " name
  }
' "$hosts") && replace "$hosts" "$text" || exit 1
[ -z "$TSM_ROOT" ] || exit 0
# hostnamectl would first start a service, to do this and to write the file above once more.
if { printf '%s\n' "$name" >/proc/sys/kernel/hostname; } 2>/dev/null; then exit 0; fi
hostname "$name" || hostnamectl set-hostname "$name"
