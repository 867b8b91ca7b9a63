# Puts the bundle's docker client into everybody's PATH, unless the host has one.
link=$TSM_ROOT/usr/local/bin/docker
[ -e "$link" ] && exit 0
mkdir -p "$TSM_ROOT/usr/local/bin" && ln -sf /opt/tsmachine/current/bin/docker "$link"
