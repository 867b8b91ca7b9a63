import t from 'tap'
import type { RemoteShell } from '../../../src/contracts/ssh.js'
import type { OpenMachine } from '../../../src/machine/open.js'
import { prepareRotation } from '../../../src/machine/rotate-host-key.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { machineContext } from '../../helpers/machine-context.js'

/** A host that never answers: a command ends with its caller's signal alone. */
const silent: RemoteShell = {
  hostKey: 'ssh-ed25519 AAAA',
  roundTrips: 0,
  exec: (_command, options) =>
    new Promise((_resolve, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
    }),
  close: () => undefined,
}

t.test('a rotation that the host does not answer ends with its stage', { timeout: 20_000 }, async (t) => {
  const ctx = machineContext({ dir: scratchDir(t) })
  const stage = new AbortController()
  const rotation = prepareRotation(ctx, {} as OpenMachine, silent, stage.signal)
  stage.abort(new Error('the stage is over'))
  await t.rejects(rotation, { message: 'the stage is over' })
})
