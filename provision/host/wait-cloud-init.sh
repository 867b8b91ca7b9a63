# Waits until cloud-init has ended, runs before facts.sh. $1 prefix of all paths, $2-$5 as in facts.sh, $6 seconds at most.
# Prints `@@wait STAGE` whenever cloud-init is in another stage.
LC_ALL=C
export LC_ALL
cloud=$1/run/cloud-init

# Its own word is asked for now and then only: that is a slow program.
cloud_init_ended() {
  [ -f "$cloud/result.json" ] || [ -f "$cloud/disabled" ] && return 0
  [ $((waited % 5)) -eq 0 ] || return 1
  case $(cloud-init status 2>/dev/null) in *running* | *'not run'* | *'not started'*) return 1 ;; *status:*) return 0 ;; esac
  return 1
}

wait_cloud_init() {
  waited=0 told=
  until cloud_init_ended || [ $waited -ge "$1" ]; do
    stage=$(sed -n 's/.*"stage": *"\([^"]*\)".*/\1/p' "$cloud/status.json" 2>/dev/null)
    stage=${stage:-starting}
    [ "$stage" = "$told" ] || printf '%s\n' "@@wait $stage"
    told=$stage
    sleep 1
    waited=$((waited + 1))
  done
}

wait_cloud_init "$6" </dev/null
