import type { ChildProcess } from 'node:child_process'

/**
 * Plugin processes that still run. They are in sessions of their own, so the terminal's Ctrl-C does not reach them and
 * they must not outlive us: at our exit all of them are ended. After a kill -9 of us they miss our heartbeats.
 */
const running = new Set<ChildProcess>()
let watching = false

/** Ends this child when our process exits, unless it has ended before. */
export function endAtExit(child: ChildProcess): void {
  running.add(child)
  child.once('exit', () => running.delete(child))
  if (watching) return
  watching = true
  process.once('exit', () => {
    for (const each of running) each.kill('SIGKILL')
  })
}
