/** A folder as host (see fake-host.ts) on which we are an ordinary user. */
import type { Test } from 'tap'
import { fakeHost, type FakeHost, type Tools } from './fake-host.js'

/** busybox's own `id` is never replaced: there we stay root, for those who need not be another. */
export function userHost(t: Test, tools: Tools = 'dash'): FakeHost {
  const on = fakeHost(tools)
  t.teardown(() => on.remove())
  on.fake('id', 'case $1 in -u) echo 1000 ;; *) echo admin ;; esac')
  on.put('run/systemd/system/x', '')
  on.put('etc/group', 'root:x:0:\n')
  return on
}

/** sudo as it behaves with -S: one line of stdin for each question, the rest is the command's. */
export function askingSudo(password: string, more: { each?: string; granted?: string } = {}): string {
  return `if [ "$1" = -n ]; then echo 'sudo: a password is required' >&2; exit 1; fi
[ "$1 $2" = '-S -p' ] || exit 2
prompt=$3
shift 3
echo 'We trust you have received the usual lecture.' >&2
while printf '%s' "$prompt" >&2; do
  IFS= read -r word || { echo 'sudo: no password was provided' >&2; exit 1; }
  ${more.each ?? ':'}
  [ "$word" != '${password.replaceAll("'", `'\\''`)}' ] || ${more.granted ?? 'exec "$@"'}
  echo 'Sorry, try again.' >&2
done`
}
