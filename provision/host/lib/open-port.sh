# Lets ports in by rules that the host's own do not have, as /etc/tsmachine/firewall lists them: `iptables PORT CHAIN` or
# `nft PORT FAMILY TABLE CHAIN` a line. Harmless to repeat. With `install` it puts itself beside that file first.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
folder=$TSM_ROOT/etc/tsmachine
[ "$1" != install ] || cp "$0" "$folder/open-port.sh" || exit 1
failed=0
while read -r tool port first second third; do
  case $tool in
    iptables)
      iptables -w -C "$first" -p tcp --dport "$port" -j ACCEPT 2>/dev/null ||
        iptables -w -I "$first" -p tcp --dport "$port" -j ACCEPT || failed=1
      ;;
    nft)
      nft list chain "$first" "$second" "$third" 2>/dev/null | grep -q "tcp dport $port accept" ||
        nft insert rule "$first" "$second" "$third" tcp dport "$port" accept || failed=1
      ;;
  esac
done <"$folder/firewall"
exit $failed
