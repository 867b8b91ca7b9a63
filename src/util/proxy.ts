/** Which proxy a request goes through, from the variables that other programs know too. */
import { isIP } from 'node:net'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy for a URL: `HTTPS_PROXY` or `HTTP_PROXY` by its protocol, else `ALL_PROXY`, unless `NO_PROXY` names the host.
 * Lower case wins, as with curl. Loopback is never reached through a proxy, as with Go's programs.
 * @throws TypeError where the variable is no http or https URL
 */
export function proxyFor(url: URL, env: Environment = process.env): URL | undefined {
  const text = variable(env, `${url.protocol.slice(0, -1)}_proxy`) ?? variable(env, 'all_proxy')
  if (text === undefined || isLoopback(url.hostname) || isExempt(url, variable(env, 'no_proxy')))
    return undefined
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const proxy = URL.canParse(full) ? new URL(full) : undefined
  if (proxy?.protocol !== 'http:' && proxy?.protocol !== 'https:')
    throw new TypeError(`the proxy ${withoutLogin(full)} is no http or https URL`)
  return proxy
}

/** A proxy for messages: without user and password. */
export function shownProxy(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`
}

/** `localhost` and the addresses that never leave this computer. */
export function isLoopback(hostname: string): boolean {
  const host = bare(hostname).toLowerCase()
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1'
}

function variable(env: Environment, name: string): string | undefined {
  const value = env[name] ?? env[name.toUpperCase()]
  return value === undefined || value.trim() === '' ? undefined : value.trim()
}

/** A password may hold a slash that should have been escaped. */
function withoutLogin(text: string): string {
  return text.replace(/\/\/.*@/s, '//')
}

/** `*` is everything; `.example.com` and `example.com` are a domain and all below it; a port must match when it is given. */
function isExempt(url: URL, list: string | undefined): boolean {
  const host = bare(url.hostname).toLowerCase()
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return (list ?? '').split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true
    const [name, onlyPort] = hostAndPort(entry.toLowerCase())
    const domain = name.replace(/^\*?\./, '')
    if (domain === '' || (onlyPort !== undefined && onlyPort !== port)) return false
    return host === domain || host.endsWith(`.${domain}`)
  })
}

function hostAndPort(entry: string): [string, string?] {
  if (isIP(entry) === 6) return [entry]
  const [, name = '', port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry) ?? []
  return [name, port]
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
