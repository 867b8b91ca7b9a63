/** State words of docker-machine, which scripts compare with. An empty string means "no state". */
export type MachineState =
  'Running' | 'Paused' | 'Saved' | 'Stopped' | 'Stopping' | 'Starting' | 'Error' | 'Timeout' | ''
