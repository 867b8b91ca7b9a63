/** A host for whole creates without a VM: a real sshd that answers our scripts from files, and an engine with TLS. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { MachineContext } from '../../src/machine/context.js'
import { ensureCa } from '../../src/tls/authority.js'
import { issueServer } from '../../src/tls/server.js'
import { FakeEngine } from '../doubles/engine.js'
import type { Hosting } from './hosted-driver.js'
import { type Sshd, startSshd } from './sshd.js'

/** What a command over SSH is for. */
export type Part = 'facts' | 'next' | 'install' | 'apply' | 'log' | 'address' | 'authorize'

export interface ScriptedHost {
  readonly sshd: Sshd
  readonly engine: FakeEngine
  readonly hosting: Hosting
  /** Commands so far, in order. */
  calls(): readonly string[]
  /** From now on the host sees us come from there. */
  seesUsAt(address: string): void
  /** Lets a part fail with this text; undefined lets it work again. */
  fail(part: Part, text: string | undefined): void
}

const FACTS = {
  init: 'tsmachine',
  sudo: 'root',
  user: 'root',
  uid: '0',
  arch: 'x86_64',
  kernel: '6.12.0',
  hostname: 'web',
  cgroup: '2',
  os_release: 'ID=tsmachine\nVERSION_ID=26.1.5\n',
  engine_state: 'running',
  dockerd: '/usr/bin/dockerd',
}

const command = (dir: string): string => `#!/bin/sh
dir='${dir}'
read -r sshd <"$dir/sshd"
case $SSH_ORIGINAL_COMMAND in
*'apply.sh $dir'*) part=apply ;;
*'CONNECTION" next '*) part=next ;;
*'CONNECTION" install '*) part=install ;;
*'CONNECTION" '[0-9]*) part=log ;;
*'CONNECTION"; ip '*) part=address ;;
*authorized_keys*) part=authorize ;;
*) part=facts ;;
esac
[ "$part" = authorize ] || said=$(wc -c)
# It waited for a plan, and there was none.
[ "$part$said" != apply0 ] || exit 0
echo "$part" >>"$dir/calls"
if [ -f "$dir/fail-$part" ]; then cat "$dir/fail-$part" >&2; exit 1; fi
live=$(cut -d' ' -f1,2 "$sshd/host_ed25519.pub")
case $part in
facts) cat "$dir/facts" ;;
next)
  case $SSH_ORIGINAL_COMMAND in
  *"$live"*)
    [ -f "$sshd/next.pub" ] || ssh-keygen -q -t ed25519 -N '' -C '' -f "$sshd/next"
    cut -d' ' -f1,2 "$sshd/next.pub" ;;
  *) echo "$live" ;;
  esac ;;
install)
  if [ -f "$sshd/next" ]; then
    mv "$sshd/next.pub" "$sshd/host_ed25519.pub"; mv "$sshd/next" "$sshd/host_ed25519"
    read -r pid <"$sshd/pid"; kill -HUP "$pid"
  fi
  cut -d' ' -f1,2 "$sshd/host_ed25519.pub" ;;
address) cat "$dir/address" ;;
authorize)
  # The real command, on the file that sshd reads.
  [ -e "$sshd/.ssh" ] || ln -s . "$sshd/.ssh"
  HOME=$sshd sh -c "$SSH_ORIGINAL_COMMAND" ;;
apply) echo @@done ;;
log) echo 'level=error msg="the last words of the engine"' ;;
esac
`

/** Starts both servers; the engine's certificate is of the store's own CA. */
export async function scriptedHost(
  t: Test,
  ctx: MachineContext,
  options: { authorized?: readonly string[]; sans?: readonly string[] } = {},
): Promise<ScriptedHost> {
  const dir = mkdtempSync(join(tmpdir(), 'tsm-scripted-'))
  const force = join(dir, 'command')
  writeFileSync(force, command(dir), { mode: 0o755 })
  const seesUsAt = (address: string): void => {
    const clock = String(Math.floor(Date.now() / 1000))
    const connection = `${address} 1 127.0.0.1 22`
    writeFileSync(join(dir, 'facts'), JSON.stringify({ ...FACTS, connection, clock }))
    writeFileSync(join(dir, 'address'), `${connection}\n`)
  }
  seesUsAt('127.0.0.1')
  const sshd = await startSshd({ config: [`ForceCommand ${force}`], authorized: options.authorized ?? [] })
  writeFileSync(join(dir, 'sshd'), `${sshd.dir}\n`)
  const ca = await ensureCa(ctx.store.certsDir, { clock: ctx.clock })
  const pair = await issueServer({
    ca,
    name: 'web',
    sans: ['127.0.0.1', ...(options.sans ?? [])],
    clock: ctx.clock,
  })
  const engine = await FakeEngine.start({ ca: ca.caPem, cert: pair.cert, key: pair.key })
  t.teardown(async () => {
    await engine.stop()
    await sshd.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const calls = join(dir, 'calls')
  return {
    sshd,
    engine,
    hosting: { sshPort: sshd.port, sshUser: sshd.user, enginePort: engine.port, sshDir: sshd.dir },
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').split('\n').filter(Boolean) : []),
    seesUsAt,
    fail(part, text) {
      if (text === undefined) rmSync(join(dir, `fail-${part}`), { force: true })
      else writeFileSync(join(dir, `fail-${part}`), text)
    },
  }
}
