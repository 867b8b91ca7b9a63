import { PassThrough, type Readable } from 'node:stream'
import type { Facts } from '../src/contracts/provision.js'
import type { RemoteResult, RemoteShell } from '../src/contracts/ssh.js'
import { onAbort } from '../src/util/abort.js'
import { withDeadline } from '../src/util/wait.js'

/** A plan on its way, and what is heard of it. */
export interface Delivery {
  readonly sudo: Facts['sudo']
  /** Bytes of the control archive, which comes first. */
  readonly controlBytes: number
  readonly stream: Readable
  readonly onLine: (line: string) => void
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

/**
 * Unpacks the control archive into a private directory in memory (keys pass through it) and hands over to apply.sh with
 * the rest of stdin untouched: dd reads exactly what it is told, where tar and head would read ahead. No quotes in it.
 */
export function driverScript(controlBytes: string): string {
  return [
    'umask 077',
    'dir=$(mktemp -d /run/tsmachine-XXXXXXXX 2>/dev/null || mktemp -d) || exit 90',
    'trap "rm -rf $dir" EXIT',
    'trap "exit 143" HUP INT TERM PIPE',
    `dd bs=${controlBytes} count=1 iflag=fullblock 2>/dev/null | tar -xzpf - -C $dir || exit 91`,
    'sh $dir/apply.sh $dir',
  ].join('; ')
}

/** How to become root and how long the archive is come on stdin, a line each; nothing at all sends it home. */
const WAITING = `exec sh -c 'IFS= read -r become || exit 0; exec $become sh -c "$0"' 'IFS= read -r bytes; ${driverScript('$bytes')}'`

const BECOME: Readonly<Partial<Record<Facts['sudo'], string>>> = { root: '', doas: 'doas -n' }

/**
 * What will carry out a plan, waiting on the host. A command costs three round trips: its channel, its start, its input.
 * One that is started while the host is still asked for facts has had the first two when its input is ready.
 */
export class Standby {
  readonly #stdin = new PassThrough({ highWaterMark: 1024 * 1024 })
  readonly #stop = new AbortController()
  readonly #ended: Promise<RemoteResult>
  #onLine: (line: string) => void = () => undefined
  #isOver = false

  constructor(shell: RemoteShell, signal?: AbortSignal) {
    this.#ended = shell.exec(WAITING, {
      stdin: this.#stdin,
      signal: signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal,
      onStdoutLine: (line) => this.#onLine(line),
    })
    const over = (): void => void (this.#isOver = true)
    this.#ended.then(over, over)
  }

  /** Whether it can be given a plan: a host may have refused a second command beside the first. */
  get isWaiting(): boolean {
    return !this.#isOver && !this.#stdin.writableEnded
  }

  dismiss(): void {
    this.#stdin.end()
  }

  /** Gives it a plan; it is over with that. @throws MachineError `timeout`, or what became of the connection */
  async carryOut({
    sudo,
    controlBytes,
    stream,
    onLine,
    deadlineMs,
    signal,
  }: Delivery): Promise<RemoteResult> {
    this.#onLine = onLine
    this.#stdin.write(`${BECOME[sudo] ?? 'sudo -n'}\n${controlBytes}\n`)
    // What the host was promised never comes. It may not have opened the channel yet, so nobody heeds our end of it.
    stream.on('error', (error) => this.#stop.abort(error)).pipe(this.#stdin)
    const work = async (limit: AbortSignal): Promise<RemoteResult> => {
      onAbort(limit, () => this.#stop.abort(limit.reason))
      return await this.#ended
    }
    return await withDeadline('the host to carry out its plan', deadlineMs, work, signal ? { signal } : {})
  }
}
