import { existsSync } from 'node:fs'
import { findProgram, missingProgram } from '../../util/exec.js'
import { pending, waitFor } from '../../util/wait.js'
import { escaped } from './argv.js'
import { driverError } from './failure.js'
import { GUEST_ENGINE_PORT, GUEST_SSH_PORT } from './network-user.js'
import type { Link, Network, NetworkContext } from './network.js'
import { freePort, portTrouble } from './ports.js'
import { isRunning, signalProcess, startDetached, type VmProcess } from './process.js'

const START_MS = 5_000

/**
 * passt: faster than the user network and with the host's own addresses in the guest. It serves one VM and ends with
 * it (`--one-off`). Its ports are fixed when it starts, so containers' ports are not followed. Source: passt(1)
 */
export function passtNetwork(context: NetworkContext): Network {
  const { sockets, config, last, files } = context
  let link: Link | undefined
  let passt: VmProcess | undefined
  return {
    async before(signal) {
      const program = findProgram('passt')
      if (program === undefined) throw missingProgram('passt')
      link = {
        address: '127.0.0.1',
        sshPort: await usablePort(config.sshPort, last.sshPort),
        enginePort: await usablePort(config.enginePort, last.enginePort),
      }
      const started = await startDetached(program, passtArgv(sockets.passt, link), files.log)
      passt = started
      await waitFor('passt to listen', () => Promise.resolve(listening(started, sockets.passt)), {
        deadlineMs: START_MS,
        intervalMs: 20,
        signal,
        clock: context.clock,
        hints: [`See ${files.log}`],
      })
    },
    netdev: () => `stream,id=net0,server=off,addr.type=unix,addr.path=${escaped(sockets.passt)}`,
    after: () => Promise.resolve(link ?? last),
    abandon() {
      if (passt) signalProcess(passt, sockets.passt, 'SIGTERM')
    },
  }
}

/** As root it would become `nobody`, who cannot enter our socket folder: it keeps the user who runs it. */
function passtArgv(socket: string, link: Link): readonly string[] {
  const forwards = [
    `127.0.0.1/${link.sshPort}:${GUEST_SSH_PORT}`,
    `127.0.0.1/${link.enginePort}:${GUEST_ENGINE_PORT}`,
  ]
  const user = process.getuid?.() === 0 ? ['--runas', '0:0'] : []
  return [
    ...['--foreground', '--one-off', '--quiet', '--stderr', '--socket', socket, ...user],
    ...forwards.flatMap((forward) => ['--tcp-ports', forward]),
    ...['--udp-ports', 'none'],
  ]
}

function listening(passt: VmProcess, socket: string): true | ReturnType<typeof pending> {
  if (!isRunning(passt, socket)) throw driverError('passt ended at once')
  return existsSync(socket) ? true : pending('no socket yet')
}

/** passt cannot choose a port itself. */
async function usablePort(fixed: number, last: number): Promise<number> {
  if (fixed > 0) return fixed
  return last > 0 && (await portTrouble(last)) === undefined ? last : await freePort()
}
