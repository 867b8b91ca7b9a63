# Gives the host a name, now and after a reboot, and lets it resolve it. $1: name.
name=$1
hosts=$TSM_ROOT/etc/hosts
printf '%s\n' "$name" >"$TSM_ROOT/etc/hostname" || exit 1
[ -e "$hosts" ] || printf '127.0.0.1 localhost\n' >"$hosts" || exit 1
awk -v name="$name" '
  { for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i == name) found = 1 }
  $1 == "127.0.1.1" && !replaced { line[NR] = "127.0.1.1 " name; replaced = 1; next }
  { line[NR] = $0 }
  END {
    for (i = 1; i <= NR; i++) print line[i]
    if (!found && !replaced) print "127.0.1.1 " name
  }
' "$hosts" >"$hosts.tsmachine-new" && mv -f "$hosts.tsmachine-new" "$hosts" || exit 1
[ -z "$TSM_ROOT" ] || exit 0
if command -v hostnamectl >/dev/null 2>&1 && hostnamectl set-hostname "$name" 2>/dev/null; then exit 0; fi
hostname "$name"
