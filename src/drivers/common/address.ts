/** Host and port as they stand in a URL: IPv6 addresses in brackets. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** An address without the brackets that people copy along from URLs. */
export function withoutBrackets(address: string): string {
  return address.replace(/^\[(.*)\]$/, '$1')
}
