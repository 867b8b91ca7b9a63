# A kernel without nf_tables gets the bundle's legacy iptables; where neither works the engine says why. $1: version.
dir=$TSM_ROOT/opt/tsmachine/$1/iptables
works() { "$dir/iptables" -n -L >/dev/null 2>&1; }
works && exit 0
: >"$dir/legacy"
works || rm -f "$dir/legacy"
