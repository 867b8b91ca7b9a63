import type { MachineContext } from './context.js'

/** What our image says on its console when a part of its boot is over, in order. */
const ENDS: readonly (readonly [part: string, line: RegExp])[] = [
  ['kernel', /tsmachine-init: kernel .* started/],
  ['init', /tsmachine-init: ready/],
]

/** Takes the lines of a guest's console and tells the parts of its boot. They are as exact as the driver reads it. */
export function guestParts({ report }: MachineContext, machine: string): (line: string) => void {
  const left = [...ENDS]
  const begin = (): void => {
    const [next] = left
    if (next) report({ type: 'part', machine, text: next[0], stage: 'boot', state: 'start' })
  }
  begin()
  return (line) => {
    const [now] = left
    if (!now?.[1].test(line)) return
    report({ type: 'part', machine, text: now[0], stage: 'boot', state: 'done' })
    left.shift()
    begin()
  }
}
