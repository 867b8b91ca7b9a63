/** Engines on loopback for `ls`, in a process of their own: one that answers with mutual TLS, one that takes connections and stays silent. */
import { createServer, type AddressInfo } from 'node:net'
import { FakeEngine } from '../test/doubles/engine.js'
import { testCertificates } from '../test/helpers/certificates.js'

export interface Endpoints {
  readonly live: number
  readonly silent: number
  /** CA and client pair, as `certs/` of a store has them. */
  readonly certs: string
}

const certificates = await testCertificates()
process.on('exit', () => certificates.remove())
/** Milliseconds of the processor so far, for who asks. */
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.((user + system) / 1_000)
})
process.on('disconnect', () => process.exit())
const engine = await FakeEngine.start({ ca: certificates.ca.caPem, ...certificates.server })
const silent = createServer((socket) => void socket.on('error', () => undefined))
silent.listen(0, '127.0.0.1', () => {
  const { port } = silent.address() as AddressInfo
  const endpoints: Endpoints = { live: engine.port, silent: port, certs: certificates.dir }
  process.send?.(endpoints)
})
