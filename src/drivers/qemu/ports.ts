import { createServer } from 'node:net'
import type { WantedForward } from '../../contracts/forwards.js'
import { MachineError } from '../../contracts/errors.js'
import { errnoOf } from '../../util/file-error.js'
import type { QmpClient } from './qmp.js'

/** Address of the guest in every user network; this computer is 10.0.2.2. */
export const GUEST_ADDRESS = '10.0.2.15'
const LOOPBACK = '127.0.0.1'

/** One host forward of a running VM. */
export interface HostForward {
  readonly protocol: 'tcp' | 'udp'
  readonly hostAddress: string
  readonly hostPort: number
  readonly guestPort: number
}

/**
 * Reads QMP's `info usernet`: one line per connection, forwards are marked.
 * `  TCP[HOST_FORWARD]  12       127.0.0.1 35679       10.0.2.15    22     0     0`
 */
export function parseUsernet(text: string): readonly HostForward[] {
  const row = /^ *(TCP|UDP)\[HOST_FORWARD\] +\S+ +(\S+) +(\d{1,5}) +\S+ +(\d{1,5})\b/gm
  return [...text.matchAll(row)].map(([, protocol, hostAddress = '', hostPort, guestPort]) => ({
    protocol: protocol === 'UDP' ? 'udp' : 'tcp',
    hostAddress: hostAddress === '*' ? '0.0.0.0' : hostAddress,
    hostPort: Number(hostPort),
    guestPort: Number(guestPort),
  }))
}

/**
 * Adds a forward from 127.0.0.1 and returns the host port in use; port 0 lets the system choose.
 * @throws MachineError `driver` saying why the port cannot be had
 */
export async function addForward(qmp: QmpClient, wanted: WantedForward): Promise<number> {
  const { protocol, hostPort, guestPort } = wanted
  const before = await listForwards(qmp)
  const answer = await qmp.human(
    `hostfwd_add net0 ${protocol}:${LOOPBACK}:${hostPort}-${GUEST_ADDRESS}:${guestPort}`,
  )
  if (answer.trim() !== '') throw await refusal(wanted, answer.trim())
  const added = (await listForwards(qmp)).find((row) => isNew(row, before, wanted))
  if (added) return added.hostPort
  throw new MachineError('driver', `QEMU took the forward to guest port ${guestPort} but does not list it`)
}

function isNew(row: HostForward, before: readonly HostForward[], wanted: WantedForward): boolean {
  return (
    row.protocol === wanted.protocol &&
    row.guestPort === wanted.guestPort &&
    !before.some((old) => old.protocol === row.protocol && old.hostPort === row.hostPort)
  )
}

/** Forwards of a VM as QEMU has them now. */
export async function listForwards(qmp: QmpClient): Promise<readonly HostForward[]> {
  return parseUsernet(await qmp.human('info usernet'))
}

/** Removes a forward; one that is not there is fine. */
export async function removeForward(
  qmp: QmpClient,
  forward: Omit<WantedForward, 'guestPort'>,
): Promise<void> {
  await qmp.human(`hostfwd_remove net0 ${forward.protocol}:${LOOPBACK}:${forward.hostPort}`)
}

async function refusal(wanted: WantedForward, answer: string): Promise<MachineError> {
  const why = wanted.protocol === 'tcp' ? await portTrouble(wanted.hostPort) : undefined
  return new MachineError(
    'driver',
    `Port ${wanted.hostPort}/${wanted.protocol} of this computer ${why ?? `cannot be forwarded (${answer})`}`,
    { hints: ['Look who has it: ss -ltnp'] },
  )
}

/** Why a TCP port of 127.0.0.1 cannot be had, or undefined when it can. */
export async function portTrouble(port: number): Promise<string | undefined> {
  const code = await bindError(port)
  if (code === undefined) return undefined
  if (code === 'EADDRINUSE') return 'is taken by another program'
  return code === 'EACCES' ? 'needs more rights than you have (below 1024)' : `cannot be used (${code})`
}

function bindError(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(errnoOf(error) ?? 'unknown'))
    server.listen(port, LOOPBACK, () => server.close(() => resolve(undefined)))
  })
}

/** A port of 127.0.0.1 that is free now, for programs that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, LOOPBACK, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
