import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { MachineError } from '../../../src/contracts/errors.js'
import type { ConnectPlugin, PluginConnection } from '../../../src/drivers/plugin/session/connection.js'
import { PluginError, type PluginMethod } from '../../../src/drivers/plugin/wire/plugin-api.js'
import { withDeadline } from '../../../src/util/wait.js'

/** How a process of the double behaves. */
export interface Behaviour {
  /** The first line; `false` for none. */
  readonly address?: string | false
  readonly version?: number
  /** Said on stderr at its start. */
  readonly stderr?: string
  /** Ends with this status instead of serving. */
  readonly exit?: number
  readonly hang?: readonly PluginMethod[]
  readonly slowMs?: Partial<Record<PluginMethod, number>>
  readonly errors?: Partial<Record<PluginMethod, string>>
  readonly dieAt?: Partial<Record<PluginMethod, number>>
  /** Closes the connection, and goes on. */
  readonly dropAt?: readonly PluginMethod[]
  readonly ignores?: readonly ('Close' | 'SIGTERM')[]
  /** Length of a line that is printed after the address. */
  readonly longLine?: number
  /** Lines printed on both streams after the address. */
  readonly flood?: number
  /** Ends when there was no heartbeat for so long; 10 s. */
  readonly silentMs?: number
}

/** What a process of the double wrote down. */
export interface Entry {
  readonly pid: number
  readonly started?: string
  readonly env?: Record<string, string>
  /** How many ran when this one started, itself included. */
  readonly alive?: number
  readonly call?: PluginMethod
  readonly done?: PluginMethod
  readonly signal?: string
  readonly ended?: number
}

export const LINE_PLUGIN = join(dirname(fileURLToPath(import.meta.url)), 'plugin.cjs')

/** Processes of the double with this behaviour: the environment that makes it, and what they did. */
export function linePlugin(t: Test, behaviour: Behaviour = {}) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'line-plugin-')))
  // Plugins do not keep us alive, and where time is a test's own nothing else may.
  const alive = setInterval(() => undefined, 1_000)
  t.teardown(() => {
    clearInterval(alive)
    rmSync(dir, { recursive: true, force: true })
  })
  const journal = join(dir, 'journal')
  writeFileSync(journal, '')
  const entries = (): Entry[] =>
    readFileSync(journal, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry)
  return {
    program: LINE_PLUGIN,
    env: { PATH: process.env['PATH'], PLUGIN_DOUBLE: JSON.stringify({ journal, ...behaviour }) },
    entries,
    pids: () => [...new Set(entries().map(({ pid }) => pid))],
    calls: () => entries().flatMap(({ call }) => (call === undefined ? [] : [call])),
  }
}

/** Speaks JSON lines to the double as the real client speaks gob. */
export const connectLines: ConnectPlugin = async (address, { deadlineMs }) => {
  const socket = createConnection(address)
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', (error) => reject(new MachineError('driver', error.message)))
  })
  await withDeadline('the double', deadlineMs, () => connected)
  const waiting = new Map<number, (answer: { reply?: unknown; error?: string; lost?: true }) => void>()
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  void closed.then(() => waiting.forEach((answer) => answer({ lost: true })))
  socket.on('error', () => undefined)
  let rest = ''
  socket.setEncoding('utf8').on('data', (text: unknown) => {
    const lines = (rest + String(text)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const { id, ...answer } = JSON.parse(line) as { id: number; reply?: unknown; error?: string }
      waiting.get(id)?.(answer)
    }
  })
  socket.unref()
  let last = 0
  const call = async (
    method: PluginMethod,
    argument: unknown,
    limits: { deadlineMs: number },
  ): Promise<unknown> => {
    const id = ++last
    const answer = await withDeadline(`the answer to ${method}`, limits.deadlineMs, () => {
      return new Promise<{ reply?: unknown; error?: string; lost?: true }>((resolve) => {
        waiting.set(id, resolve)
        socket.write(`${JSON.stringify({ id, method, argument })}\n`)
        if (socket.destroyed) resolve({ lost: true })
      })
    })
    if (answer.lost) throw new MachineError('driver', `${method} was not answered: the connection was lost`)
    if (answer.error !== undefined) throw new PluginError(answer.error)
    return answer.reply
  }
  return { call: call as PluginConnection['call'], closed, close: () => void socket.destroy() }
}
