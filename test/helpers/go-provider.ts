/** The account of the plugin written in Go: a JSON file, and beside it what the plugin noted. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface GoServer {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly address: string
}

/** A scripted fault: test/doubles/go/README.md has the words. */
export interface GoRule {
  readonly at: string
  readonly do: string
  readonly when?: 'after'
  readonly machine?: string
  readonly text?: string
  readonly stream?: 'stdout' | 'stderr'
  readonly ms?: number
  readonly status?: number
  readonly bytes?: number
  readonly from?: number
  readonly times?: number
}

export interface GoCall {
  readonly atMs: number
  readonly pid: number
  readonly method: string
  readonly machine: string
}

export interface GoProcess {
  readonly atMs: number
  readonly pid: number
  readonly event: 'start' | 'exit'
  readonly status: number
  readonly why?: string
}

interface Account {
  readonly token?: string
  readonly next: number
  readonly servers: readonly GoServer[]
  readonly script?: readonly GoRule[]
}

/** A plugin that looks its server up for each state that it is given, as many drivers do; else it stays with the first. */
export const FORGETS = { GODOUBLE_FORGETS: '1' } as const

export class GoProvider {
  readonly file: string

  constructor(dir: string) {
    this.file = join(dir, 'provider.json')
    this.write({ next: 0, servers: [] })
  }

  /** What a plugin's environment needs, so that its processes are noted too. */
  get env(): Readonly<Record<string, string>> {
    return { GODOUBLE_PROVIDER: this.file, GODOUBLE_TOKEN: 'go-double-secret' }
  }

  get servers(): readonly GoServer[] {
    return this.read().servers
  }

  /** Replaces the script. Not while a plugin changes its servers: the later one would win. */
  script(...script: readonly GoRule[]): void {
    this.write({ ...this.read(), script })
  }

  /** Changes what the provider has, as others may do at any time. */
  change(work: (servers: readonly GoServer[]) => readonly GoServer[]): void {
    const account = this.read()
    this.write({ ...account, servers: work(account.servers) })
  }

  /** All calls so far, or those of one method. */
  calls(method?: string): readonly GoCall[] {
    return this.#lines<GoCall>('calls').filter((call) => method === undefined || call.method === method)
  }

  processes(): readonly GoProcess[] {
    return this.#lines<GoProcess>('processes')
  }

  /** The plugin processes that are alive now. */
  alive(): readonly number[] {
    return [...new Set(this.processes().map(({ pid }) => pid))].filter(isAlive)
  }

  /** How many processes were alive at once at most, as far as they ended by themselves. */
  mostAtOnce(): number {
    let alive = 0
    const counts = this.processes().map(({ event }) => (alive += event === 'start' ? 1 : -1))
    return Math.max(0, ...counts)
  }

  /** Forgets what was noted so far. */
  forget(): void {
    for (const kind of ['calls', 'processes']) writeFileSync(`${this.file}.${kind}`, '')
  }

  private read(): Account {
    return JSON.parse(readFileSync(this.file, 'utf8')) as Account
  }

  private write(account: Account): void {
    writeFileSync(`${this.file}.test`, JSON.stringify(account), { mode: 0o600 })
    renameSync(`${this.file}.test`, this.file)
  }

  #lines<T>(kind: string): T[] {
    const file = `${this.file}.${kind}`
    if (!existsSync(file)) return []
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as T)
  }
}

/** Not gone, and not only waiting for its parent to take note. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
