# Carries out the steps of a plan on this host, in order, and stops at the first that fails.
# $1: private directory with the unpacked control archive (apply.sh, lib/, root, steps/NNN/). stdin: the engine bundle, if any.
# A step is data: `step` (KEY=VALUE lines), `argv` (a word a line), `content`. Nothing of it is evaluated by the shell.
# Prints `@@step N start|ok|skip|fail`, then for a failure `@@out LINE` (what it printed) and `@@log LINE` (evidence).
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
umask 022
dir=$1
exec 3<&0 4>&1 </dev/null
IFS= read -r root <"$dir/root"
TSM_ROOT=$root
export TSM_ROOT
state=$root/run/tsmachine
pending=$state/pending
out=$dir/out
settled=' '
arrived=

say() {
  printf '%s\n' "@@step $number $1"
}

# One apply at a time on a host: the one before may still be running although its connection is gone. A link that names
# its process is the lock (busybox has no flock). One whose process is gone is taken away under a second lock, so that
# nobody takes away the lock of whoever was faster.
take_turn() {
  [ -d "$pending" ] || mkdir -p "$pending" || return 1
  turns=0
  until ln -s $$ "$state/applying" 2>/dev/null; do
    if is_left "$state/applying" && ln -s $$ "$state/breaking" 2>/dev/null; then
      is_left "$state/applying" && rm -f "$state/applying"
      rm -f "$state/breaking"
      continue
    fi
    turns=$((turns + 1))
    [ $turns -ne 5 ] || ! is_left "$state/breaking" || rm -f "$state/breaking"
    [ $((turns % 15)) -ne 0 ] || ! is_silent || end_holder
    [ $turns -le 120 ] || { printf '%s\n' '@@busy'; return 1; }
    sleep 1
  done
}

# A lock whose process is no apply.sh (any more).
is_left() {
  holder=$(readlink "$1") && ! grep -q apply.sh "/proc/$holder/cmdline" 2>/dev/null
}

# The holder is taking an engine in, and none of it came since the last look: a line that broke without an end, of which
# no sshd is told for hours.
is_silent() {
  before=$arrived arrived=
  IFS= read -r into 2>/dev/null <"$state/receiving" || return 1
  arrived="$into $(du -sk "$into" 2>/dev/null)"
  [ "$before" = "$arrived" ]
}

# As the end of its connection would do it: with all that it has started.
end_holder() {
  holder=$(readlink "$state/applying") && ! is_left "$state/applying" || return 0
  group=$(group_of "$holder")
  case $group in '' | *[!0-9]* | 0 | 1 | "$(group_of $$)") ;; *) kill -TERM "-$group" ;; esac
}

# A program's name may have blanks in it.
group_of() {
  sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 3
}

read_step() {
  kind='' path='' mode='' keep_mode='' tag='' on_change='' unless_settled='' settles='' timeout='' tolerate='' tells='' version='' bootstrap='' need_kb=''
  while IFS= read -r line; do
    value=${line#*=}
    case $line in
      kind=*) kind=$value ;;
      path=*) path=$root$value ;;
      mode=*) mode=$value ;;
      keep_mode=*) keep_mode=$value ;;
      tag=*) tag=$value ;;
      on_change=*) on_change=$value ;;
      unless_settled=*) unless_settled=$value ;;
      settles=*) settles=$value ;;
      timeout=*) timeout=$value ;;
      tolerate=*) tolerate=$value ;;
      tells=*) tells=$value ;;
      version=*) version=$value ;;
      bootstrap=*) bootstrap=$value ;;
      need_kb=*) need_kb=$value ;;
    esac
  done <"$step/step"
}

wanted() {
  [ -z "$on_change" ] || [ -e "$pending/$on_change" ] || return 1
  case $settled in *" $unless_settled "*) [ -z "$unless_settled" ] || return 1 ;; esac
}

# Marks are set before a change and removed by the step that acts on it: a crash in between loses nothing.
mark() {
  for name in $tag; do : >"$pending/$name" || return 1; done
}

settle() {
  for name in $settles; do
    rm -f "$pending/$name"
    settled="$settled$name "
  done
}

put_file() {
  if [ -f "$path" ]; then
    [ "$keep_mode" = yes ] && mode=$(stat -c %a "$path")
    if cmp -s "$step/content" "$path"; then
      chmod "$mode" "$path" && return 3
      return 1
    fi
    chmod "$mode" "$step/content" || return 1
  fi
  mark || return 1
  folder=${path%/*}
  [ -d "$folder" ] || mkdir -p "$folder" || return 1
  [ ! -e "$path.tsmachine-new" ] || rm -f "$path.tsmachine-new" || return 1
  if cp "$step/content" "$path.tsmachine-new" && mv -f "$path.tsmachine-new" "$path"; then
    printf '%s\n' "$path" >>"$dir/written"
    return
  fi
  # On a full disk what was begun must not stay: it may be half a key, and it takes the room that is looked for.
  rm -f "$path.tsmachine-new"
  return 1
}

# What was written outlives a power cut from here on: each file and its folder, not whatever else this host has in memory.
flush() {
  set --
  while IFS= read -r path; do
    [ ! -e "$path" ] || set -- "$@" "$path" "${path%/*}"
  done <"$dir/written"
  [ $# -eq 0 ] || sync "$@" 2>/dev/null || sync
}

remove_file() {
  [ -e "$path" ] || return 3
  mark && rm -f "$path"
}

# run_words FILE: the program and arguments in it. `@lib/` is our own scripts' folder, `@root` the prefix of tests.
run_words() {
  set -- "$1"
  while IFS= read -r word; do
    case $word in
      @lib/*) word=$dir/lib/${word#@lib/} ;;
      @root/*) word=$root/${word#@root/} ;;
    esac
    set -- "$@" "$word"
  done <"$1"
  shift
  if [ -n "$timeout" ] && command -v timeout >/dev/null 2>&1; then set -- timeout "$timeout" "$@"; fi
  # Whatever a step leaves running must not hold the connection.
  if [ "$tells" = yes ]; then "$@" 3<&-; else "$@" 3<&- 4>&-; fi
}

put_bundle() {
  prefix=$root/opt/tsmachine/$version
  if [ -e "$prefix/.complete" ]; then cat <&3 >/dev/null; return 3; fi
  mkdir -p "$root/opt/tsmachine" || return 1
  # Left by a run that was cut; a whole one has .complete and is never touched.
  rm -rf "$prefix"
  free=$(df -Pk "$root/opt/tsmachine" | awk 'NR == 2 { print $4 }')
  if [ -n "$free" ] && [ "$free" -lt "$need_kb" ]; then
    echo "No space left on device: the engine needs $need_kb KiB below /opt, $free KiB are free"
    return 1
  fi
  mark && mkdir "$prefix" && printf '%s\n' "$prefix" >"$state/receiving" || return 1
  unpack_bundle
  unpacked=$?
  rm -f "$state/receiving"
  # Nobody looks at what is complete again, so all of it has to be on the disk first.
  if [ $unpacked -eq 0 ] && flush_bundle && : >"$prefix/.complete"; then return 0; fi
  rm -rf "$prefix"
  return 1
}

flush_bundle() { sync -f "$prefix" 2>/dev/null || sync; }

unpack_bundle() {
  dd bs="$bootstrap" count=1 iflag=fullblock <&3 2>/dev/null | tar -xzpf - -C "$root/opt/tsmachine" || return 1
  if ! "$prefix/bin/zstd" --version >/dev/null; then
    echo "programs below /opt cannot be run: is it mounted noexec?"
    return 1
  fi
  { "$prefix/bin/zstd" -dcq <&3 || : >"$dir/broken"; } | tar -xpf - -C "$root/opt/tsmachine" || return 1
  [ ! -e "$dir/broken" ]
}

do_step() {
  case $kind in
    file) put_file ;;
    remove) remove_file ;;
    run) mark && run_words "$step/argv" ;;
    bundle) put_bundle ;;
    *) echo "unknown kind of step: $kind"; return 1 ;;
  esac
}

report_failure() {
  say "fail $1"
  tail -n 40 "$out" | sed 's/^/@@out /'
  [ -f "$step/evidence" ] || return 0
  timeout=20
  run_words "$step/evidence" >"$out" 2>&1
  tail -n 40 "$out" | sed 's/^/@@log /'
}

main() {
  take_turn || exit 1
  rm -f "$state/receiving"
  trap 'rm -f "$state/receiving" "$state/applying"' EXIT
  trap 'exit 143' HUP INT TERM PIPE
  for step in "$dir"/steps/*; do
    [ -f "$step/step" ] || continue
    number=${step##*/}
    read_step
    if ! wanted; then say skip; continue; fi
    say start
    do_step >"$out" 2>&1
    code=$?
    if [ $code -eq 3 ] && [ "$kind" != run ]; then say skip
    elif [ $code -eq 0 ] || [ "$tolerate" = yes ]; then say ok
    else report_failure $code; exit 1
    fi
    settle
  done
  [ ! -e "$dir/written" ] || flush
  printf '%s\n' '@@done'
}

main
