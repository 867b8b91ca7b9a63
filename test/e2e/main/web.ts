/** The one machine that the parts of the main job share, with what they ask it. */
import { mkdirSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import type { LedgerRecord } from '../../../src/contracts/record.js'
import { type Outcome, type RunOptions, TestUser } from '../../helpers/cli.js'
import { startRegistry, type TestRegistry } from '../../helpers/registry.js'

export interface Folders {
  /** Seen in the guest as /mnt/shared. */
  readonly elsewhere: string
  /** Seen in the guest at the same path. */
  readonly same: string
  /** Seen in the guest as /mnt/frozen, not to be written. */
  readonly frozen: string
}

export class Web {
  readonly name = 'web'
  readonly user = new TestUser()
  readonly dir = join(this.user.store, 'machines', this.name)
  readonly folders: Folders

  private constructor(readonly registry: TestRegistry) {
    const folder = (name: string): string => {
      const path = join(this.user.home, name)
      mkdirSync(path)
      return path
    }
    this.folders = { elsewhere: folder('shared folder'), same: folder('work'), frozen: folder('frozen') }
  }

  static async prepare(): Promise<Web> {
    return new Web(await startRegistry())
  }

  async cleanUp(): Promise<void> {
    await this.user.cleanUp()
    await this.registry.stop()
  }

  ledger(): LedgerRecord {
    return JSON.parse(readFileSync(join(this.dir, 'tsmachine.json'), 'utf8')) as LedgerRecord
  }

  /** The real docker client. A failure is an error with what it printed. */
  async docker(...args: string[]): Promise<string> {
    return output(`docker ${args.join(' ')}`, await this.user.docker(this.name, args))
  }

  /** What a shell has after `eval "$(tsmachine env)"`. */
  async dockerEnv(): Promise<Record<string, string>> {
    const url = (await this.user.ok(['url', this.name])).trim()
    return { DOCKER_HOST: url, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: this.dir }
  }

  /** A line of shell on this computer with that environment. */
  async shell(line: string, options: RunOptions = {}): Promise<Outcome> {
    return await this.user.run('sh', ['-c', line], { ...options, env: await this.dockerEnv() })
  }

  /** A command line in the guest; its outcome, whatever it is. */
  async guest(line: string): Promise<Outcome> {
    return await this.user.tsmachine(['ssh', this.name, '--', line])
  }

  /** The same; a failure is an error. */
  async inGuest(line: string): Promise<string> {
    return output(line, await this.guest(line))
  }

  /** Process and start of a container: both stay the same only if it was never restarted. */
  async containerPid(container: string): Promise<string> {
    return await this.docker('inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}}', container)
  }

  /** Process and start time (in ticks) of the engine. */
  async enginePid(): Promise<string> {
    const stat = (await this.inGuest('cat /proc/$(pidof dockerd)/stat')).split(' ')
    return `${stat[0]} ${stat[21]}`
  }
}

function output(what: string, { code, stdout, stderr }: Outcome): string {
  if (code === 0) return stdout.trim()
  throw new Error(`${what}: status ${code}: ${stderr}`)
}

/** What a web server on this computer answers, nothing if it cannot be reached. */
export function fetchText(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, timeout: 1_000 }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve(text))
    })
    request.on('error', () => resolve(''))
    request.on('timeout', () => request.destroy())
  })
}
