# Puts the bundle's docker client into everybody's PATH, unless the host has one. Where /usr/local is read-only, /opt/bin is
# in PATH (Flatcar).
for folder in "$TSM_ROOT/usr/local/bin" "$TSM_ROOT/opt/bin"; do
  [ ! -e "$folder/docker" ] || exit 0
  mkdir -p "$folder" && ln -sf /opt/tsmachine/current/bin/docker "$folder/docker" && exit 0
done
exit 1
