/** A port that is open to some. */
export interface OpenPort {
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
}

/** docker-machine's `PORT[/PROTOCOL]`. */
export function readPort(text: string): OpenPort | { readonly fault: string } {
  const [, digits = '', protocol = 'tcp'] =
    /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text.trim().toLowerCase()) ?? []
  const port = Number(digits)
  if (port < 1 || port > 65_535)
    return { fault: `${JSON.stringify(text)} is no port: give one like 8080 or 53/udp` }
  return { port, protocol: protocol === 'udp' ? 'udp' : 'tcp' }
}
