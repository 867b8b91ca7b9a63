import { spawn } from 'node:child_process'
import { onAbort, timeoutSignal } from '../../util/abort.js'
import { PROBE_WORD } from './probe-guest.js'

export interface Probe {
  readonly ok: boolean
  readonly text: string
}

const PROBE_MS = 5_000
/** QEMU says this and then waits for ever, its guest stopped. Source: accel/kvm/kvm-all.c */
const GIVEN_UP = /internal error|emulation failure/i

/**
 * Runs a program that ends when we do: a QEMU whose guest never runs waits for ever, and nobody would know of it after a
 * kill -9. Its input closes with us, upon which a shell beside it ends it.
 */
const LEASH = `exec 3<&0
"$@" 3<&- </dev/null &
guest=$!
{ read -r _ <&3; kill -9 $guest; } >/dev/null 2>&1 &
leash=$!
wait $guest
kill $leash`

/** Windows has no such shell. */
const LEASHED = process.platform === 'win32' ? [] : ['/bin/sh', '-c', LEASH, 'sh']

/** Boots the probe guest and waits for its one byte, for QEMU's giving up, or for the deadline. */
export async function runProbeGuest(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Probe> {
  signal.throwIfAborted()
  const limit = timeoutSignal(PROBE_MS)
  const [first = program, ...words] = [...LEASHED, program, ...args]
  const child = spawn(first, words, { stdio: ['pipe', 'pipe', 'pipe'] })
  const end = (): void => {
    child.stdin.destroy()
    if (LEASHED.length === 0) child.kill('SIGKILL')
  }
  onAbort(AbortSignal.any([signal, limit]), end)
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('latin1')))
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
    if (GIVEN_UP.test(err)) end()
  })
  const failure = await new Promise<Error | undefined>((resolve) => {
    child.once('error', resolve)
    child.once('close', () => resolve(undefined))
  })
  signal.throwIfAborted()
  if (out.includes(PROBE_WORD)) return { ok: true, text: 'runs guests' }
  if (GIVEN_UP.test(err))
    return { ok: false, text: `it starts a guest but cannot run it (${firstLine(err)})` }
  if (limit.aborted)
    return { ok: false, text: `it starts a guest but never runs it (no sign within ${PROBE_MS / 1000} s)` }
  return { ok: false, text: firstLine(err) || failure?.message || 'the probe guest said nothing' }
}

function firstLine(text: string): string {
  const lines = text.trim().split('\n')
  return (lines.find((line) => !line.includes('warning:')) ?? lines[0] ?? '').trim()
}
