/** Rotates a machine's host key and dies by kill -9 after the given step. Run as a child: NAME STEP. */
import { installHostKey, nextHostKey } from '../../provision/host-key.js'
import { DOCKER_MACHINE_PROFILE } from '../../src/contracts/profile.js'
import { machineContext } from '../../src/cli/context.js'
import { openShell } from '../../src/machine/connect.js'
import { updateLedger } from '../../src/machine/driver-events.js'
import { openMachine } from '../../src/machine/open.js'
import { finishRotation } from '../../src/machine/rotate-host-key.js'

const [name = '', dieAfter = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const session = { profile: DOCKER_MACHINE_PROFILE, argv: [], env: process.env, signal }
const globals = { debug: false, json: false }
const ctx = machineContext({ ...session, globals }, globals, () => undefined)
const open = await openMachine(ctx, name)
const first = await openShell(ctx, open)

let next = ''
const steps: Readonly<Record<string, () => Promise<unknown>>> = {
  generate: async () => (next = await nextHostKey(first, signal)),
  record: () =>
    updateLedger(ctx, name, open.factory, (ledger) =>
      ledger.hostKeys ? { ...ledger, hostKeys: { ...ledger.hostKeys, next } } : ledger,
    ),
  install: () => installHostKey(first, signal),
  reconnect: async () => (await openShell(ctx, await openMachine(ctx, name))).hostKey,
  settle: () => finishRotation(ctx, open, next),
}
for (const [step, run] of Object.entries(steps)) {
  await run()
  if (step === dieAfter) process.kill(process.pid, 'SIGKILL')
}
