/** State words of docker-machine, which scripts compare with. An empty string means "no state". */
export type MachineState =
  'Running' | 'Paused' | 'Saved' | 'Stopped' | 'Stopping' | 'Starting' | 'Error' | 'Timeout' | ''

/** A process of this computer that no later one can be taken for. */
export interface LocalProcess {
  readonly pid: number
  /** Clock ticks since boot, as `/proc/PID/stat` has it. */
  readonly startTime: string
  readonly bootId: string
}
