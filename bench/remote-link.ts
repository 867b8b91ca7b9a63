import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LinkOptions } from '../test/helpers/link.js'
import type { Traffic } from '../test/helpers/wire.js'

export type Question = { readonly id: number } & (
  { readonly ask: 'open'; readonly target: number; readonly port: number } | { readonly ask: 'traffic' }
)
export type Answer = number | Traffic

/** A long, narrow line (test/helpers/link.ts) in a process of its own. */
export class RemoteLink {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (value: Answer) => void>()
  #last = 0

  constructor(options: LinkOptions) {
    const program = fileURLToPath(new URL('link-process.ts', import.meta.url))
    this.#child = fork(program, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] })
    this.#child.on('message', ({ id, value }: { id: number; value: Answer }) => {
      this.#waiting.get(id)?.(value)
      this.#waiting.delete(id)
    })
  }

  /** A port of this computer that leads to another one of it. */
  async open(target: number, port = 0): Promise<number> {
    return (await this.#ask({ ask: 'open', target, port })) as number
  }

  async traffic(): Promise<Traffic> {
    return (await this.#ask({ ask: 'traffic' })) as Traffic
  }

  close(): void {
    this.#child.disconnect()
  }

  #ask(question: { ask: 'open'; target: number; port: number } | { ask: 'traffic' }): Promise<Answer> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#child.once('exit', () => reject(new Error('the line has ended')))
      this.#waiting.set(id, resolve)
      this.#child.send({ id, ...question })
    })
  }
}
