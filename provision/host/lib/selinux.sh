# Gives the bundle the SELinux types that the same files have below /usr: a relabelling of the host later gives programs and
# libraries below /opt the same. $1: version.
prefix=$TSM_ROOT/opt/tsmachine/$1
if ! command -v chcon >/dev/null 2>&1; then restorecon -R "$prefix"; exit; fi
chcon -R --reference=/usr/lib "$prefix" &&
  chcon -R --reference=/usr/bin "$prefix/bin" "$prefix/iptables" "$prefix/libexec"
