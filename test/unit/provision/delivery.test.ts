/** A plan on its way to a host while the file that is sent cannot be read on this computer. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { apply } from '../../../provision/apply.js'
import { withSudoPassword } from '../../../provision/sudo-password.js'
import type { Facts, Plan } from '../../../src/contracts/provision.js'
import { Secret } from '../../../src/contracts/secrets.js'
import type { RemoteExecOptions, RemoteResult, RemoteShell } from '../../../src/contracts/ssh.js'
import { onAbort } from '../../../src/util/abort.js'
import { withDeadline } from '../../../src/util/wait.js'

const PLAN = { steps: [{ kind: 'bundle', version: '1', why: 'install the engine' }] } as unknown as Plan

/** A bundle whose second part is there and cannot be read. */
function damagedBundle(t: Test): string {
  const dir = t.testdir({ 'manifest.json': '{"version":"1"}' })
  writeFileSync(join(dir, 'bootstrap.tar.gz'), 'x')
  mkdirSync(join(dir, 'engine.tar.zst'))
  return dir
}

/** A host that takes what it is sent and never answers; it opens the channel late. */
function silentHost(heard: (options: RemoteExecOptions) => void): RemoteShell {
  const exec = (_command: string, options: RemoteExecOptions = {}): Promise<RemoteResult> =>
    new Promise((_resolve, reject) => {
      onAbort(options.signal, () => reject(options.signal?.reason as Error))
      const { stdin } = options
      setTimeout(() => {
        if (stdin && typeof stdin !== 'string' && !Buffer.isBuffer(stdin))
          stdin.on('error', () => reject(new Error('Lost the SSH connection'))).on('data', () => undefined)
        heard(options)
      }, 100)
    })
  return { hostKey: '', roundTrips: 0, exec, close: () => undefined }
}

for (const [what, sudo, host] of [
  ['as root', 'root', silentHost(() => undefined)],
  [
    'with the password of sudo',
    'given',
    withSudoPassword(
      silentHost(({ onStderrLine }) => onStderrLine?.('@@started')),
      new Secret('hunter2'),
    ),
  ],
] as const)
  t.test(`a bundle that cannot be read ends the delivery and is what is told, ${what}`, async (t) => {
    const options = { facts: { sudo } as Facts, bundleDir: damagedBundle(t) }
    await t.rejects(
      withDeadline('the delivery', 5_000, () => apply(host, PLAN, options)),
      { code: 'store', message: /Cannot read .*engine\.tar\.zst/ },
    )
  })
