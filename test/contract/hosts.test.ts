import { createServer, type AddressInfo, type Server } from 'node:net'
import t from 'tap'
import { loadFactory } from '../../src/drivers/registry.js'
import { driverDeps, machineDir, scratchDir } from '../helpers/driver-deps.js'
import {
  type Cleaner,
  driverContract,
  type DriverSubject,
} from '../../src/drivers/package/kit/testing/index.js'

const NOTHING = (): Promise<readonly string[]> => Promise.resolve([])

driverContract(t, 'none', (t) => {
  const dir = scratchDir(t)
  return Promise.resolve<DriverSubject>({
    load: () => loadFactory('none'),
    deps: driverDeps(dir),
    good: { url: 'tcp://192.0.2.10:2376' },
    bad: { url: 'gopher://x', ulr: 'y' },
    faults: [/--url wants one of/, /did you mean --url/],
    machineDir: (id) => machineDir(dir, id),
    leftovers: NOTHING,
    freshState: 'Running',
    abortDelaysMs: [0, 1],
    lostEvents: [0, 1],
  })
})

driverContract(t, 'generic', async (t) => {
  const dir = scratchDir(t)
  return {
    load: () => loadFactory('generic'),
    deps: driverDeps(dir),
    good: { 'generic-ip-address': '127.0.0.1', 'generic-ssh-port': await listening(t) },
    bad: {
      'generic-ssh-port': 0,
      'generic-engine-port': 'x',
      'generic-ssh-usr': 'y',
      'generic-host-key': '/none/such',
    },
    faults: [
      /requires the --generic-ip-address/,
      /ssh-port/,
      /engine-port/,
      /mean --generic-ssh-user/,
      /host-key.*ENOENT/,
    ],
    machineDir: (id) => machineDir(dir, id),
    leftovers: NOTHING,
    freshState: 'Running',
    abortDelaysMs: [0, 1],
    lostEvents: [0, 1],
  }
})

/** A port that accepts connections, as an SSH server's does. */
async function listening(t: Cleaner): Promise<number> {
  const server: Server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}
