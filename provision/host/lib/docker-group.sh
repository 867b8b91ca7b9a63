# Makes the group `docker` and puts a user into it. $1: user.
user=$1
groups=$TSM_ROOT/etc/group
if ! grep -q '^docker:' "$groups"; then
  # Systems with a read-only /usr keep groups of theirs there, where nobody can join them.
  if theirs=$(grep '^docker:' "$TSM_ROOT/usr/lib/group" 2>/dev/null); then printf '%s\n' "$theirs" >>"$groups"
  elif command -v groupadd >/dev/null 2>&1; then groupadd -r docker
  else addgroup -S docker
  fi || exit 1
fi
[ -n "$user" ] && [ "$user" != root ] || exit 0
if command -v usermod >/dev/null 2>&1; then usermod -aG docker "$user"; else addgroup "$user" docker; fi
