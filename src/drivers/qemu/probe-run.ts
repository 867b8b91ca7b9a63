import { spawn } from 'node:child_process'
import { PROBE_WORD } from './probe-guest.js'

export interface Probe {
  readonly ok: boolean
  readonly text: string
}

const PROBE_MS = 5_000
/** QEMU says this and then waits for ever, its guest stopped. Source: accel/kvm/kvm-all.c */
const GIVEN_UP = /internal error|emulation failure/i

/** Boots the probe guest and waits for its one byte, for QEMU's giving up, or for the deadline. */
export async function runProbeGuest(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Probe> {
  signal.throwIfAborted()
  const limit = AbortSignal.timeout(PROBE_MS)
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, limit]),
    killSignal: 'SIGKILL',
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('latin1')))
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
    if (GIVEN_UP.test(err)) child.kill('SIGKILL')
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
