# Gives the bundle the SELinux types that the same files have below /usr. $1: version.
prefix=$TSM_ROOT/opt/tsmachine/$1
chcon -R --reference=/usr/lib "$prefix" &&
  chcon -R --reference=/usr/bin "$prefix/bin" "$prefix/iptables" "$prefix/libexec"
