/**
 * Rotates a machine's host key by the product's own stage, and dies by kill -9 after its Nth operation: a command on
 * the host or a write of the record. Ends with status 0 when all was done before. Run as a child: NAME N.
 */
import { DOCKER_MACHINE_PROFILE } from '../../src/contracts/profile.js'
import { machineContext } from '../../src/cli/context.js'
import { globalOptions } from '../../src/cli/global-flags.js'
import { openShell } from '../../src/machine/connect.js'
import { CreateState } from '../../src/machine/create-state.js'
import { updateLedger } from '../../src/machine/driver-events.js'
import { identify } from '../../src/machine/identify.js'
import { openMachine } from '../../src/machine/open.js'

const [name = '', last = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const view = { json: false, debug: false, command: '' }
const session = { profile: DOCKER_MACHINE_PROFILE, argv: [], given: {}, view, env: process.env, signal }
const ctx = machineContext(session, globalOptions(process.env), () => undefined)
const open = await openMachine(ctx, name)
// As if the machine still had the key of its user data.
await updateLedger(ctx, name, open.factory, (ledger) =>
  ledger.hostKeys ? { ...ledger, hostKeys: { ...ledger.hostKeys, rotated: false } } : ledger,
)

let done = 0
/** Lets an operation finish and then, when its turn has come, ends this process in the same instant. */
function counted<A extends unknown[], R>(
  kind: string,
  operation: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    const result = await operation(...args)
    process.stdout.write(`${kind}\n`)
    if (++done === Number(last)) process.kill(process.pid, 'SIGKILL')
    return result
  }
}

const update = ctx.store.update.bind(ctx.store)
Object.assign(ctx.store, { update: counted('write', update) })
const state = new CreateState(ctx, await openMachine(ctx, name), undefined)
const shell = await openShell(ctx, state.open)
state.shell = {
  hostKey: shell.hostKey,
  roundTrips: 0,
  exec: counted('command', shell.exec.bind(shell)),
  close: () => shell.close(),
}
await identify(state, signal)
state.close()
