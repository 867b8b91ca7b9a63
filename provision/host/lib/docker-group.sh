# Makes the group `docker` and puts a user into it. $1: user.
user=$1
if ! grep -q '^docker:' "$TSM_ROOT/etc/group"; then
  if command -v groupadd >/dev/null 2>&1; then groupadd -r docker; else addgroup -S docker; fi || exit 1
fi
[ -n "$user" ] && [ "$user" != root ] || exit 0
if command -v usermod >/dev/null 2>&1; then usermod -aG docker "$user"; else addgroup "$user" docker; fi
