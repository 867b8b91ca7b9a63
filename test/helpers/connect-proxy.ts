import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface ConnectProxy {
  readonly port: number
  /** `host:port` of each CONNECT. */
  readonly tunnels: string[]
  readonly logins: (string | undefined)[]
}

/** An HTTP proxy on loopback that leads every tunnel to this computer, whatever name was asked for; or refuses them. */
export async function connectProxy(t: Test, refusal?: string): Promise<ConnectProxy> {
  const tunnels: string[] = []
  const logins: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const server = createServer((_request, response) => response.writeHead(501).end())
  server.on('connect', ({ url = '', headers }, client: Socket) => {
    tunnels.push(url)
    logins.push(headers['proxy-authorization'])
    client.on('error', () => client.destroy())
    if (refusal !== undefined) return void client.end(`HTTP/1.1 ${refusal}\r\nContent-Length: 0\r\n\r\n`)
    const target = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
    sockets.add(target).add(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, tunnels, logins }
}
