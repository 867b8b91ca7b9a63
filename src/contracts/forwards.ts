/** A port of 127.0.0.1 that leads to one of the guest. */
export interface WantedForward {
  readonly protocol: 'tcp' | 'udp'
  readonly guestPort: number
  readonly hostPort: number
}

/** Paths of the client's certificate files for the engine API. */
export interface EngineClientFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** One published port of a machine behind user-mode networking. */
export interface PortForward {
  readonly protocol: 'tcp' | 'udp'
  readonly guestPort: number
  readonly hostPort: number
  readonly source: 'ssh' | 'engine' | 'container' | 'manual'
  readonly container?: string
  /** Why it is not active: the port is taken on this computer. */
  readonly error?: string
}
