import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureCa } from '../src/tls/authority.js'
import { issueServer } from '../src/tls/server.js'
import { systemClock } from '../src/util/clock.js'
import { FakeEngine } from '../test/doubles/engine.js'
import { TestUser } from '../test/helpers/cli.js'
import { freePort } from '../test/helpers/sshd.js'

/** Name of the first machine. */
export const FIRST = 'm1'

/** A store of machines of driver `none`, whose engine is one live TLS endpoint in this process; docker-machine reads it too. */
export class BenchStore {
  private constructor(
    readonly user: TestUser,
    private readonly engine: FakeEngine,
    readonly url: string,
  ) {}

  static async start(): Promise<BenchStore> {
    const user = new TestUser()
    const port = await freePort()
    const url = `tcp://127.0.0.1:${port}`
    await user.ok(['create', '-d', 'none', '--url', url, FIRST])
    const ca = await ensureCa(join(user.store, 'certs'), { clock: systemClock })
    const server = await issueServer({ ca, name: FIRST, sans: ['127.0.0.1'], clock: systemClock })
    return new BenchStore(user, await FakeEngine.start({ ca: ca.caPem, ...server, port }), url)
  }

  /** As many machines as this, copies of the first one. */
  grow(count: number): void {
    const machines = join(this.user.store, 'machines')
    const first = join(machines, FIRST)
    for (let index = readdirSync(machines).length + 1; index <= count; index++) {
      const dir = join(machines, `m${index}`)
      mkdirSync(dir, { mode: 0o700 })
      for (const file of readdirSync(first)) {
        const text = readFileSync(join(first, file), 'utf8')
          .replaceAll(`machines/${FIRST}`, `machines/m${index}`)
          .replaceAll(`"${FIRST}"`, `"m${index}"`)
          .replace(/"machineId": "\w+"/, `"machineId": "${randomBytes(16).toString('hex')}"`)
        writeFileSync(join(dir, file), text, { mode: 0o600 })
      }
    }
  }

  async close(): Promise<void> {
    await this.engine.stop()
    await this.user.cleanUp()
  }
}
