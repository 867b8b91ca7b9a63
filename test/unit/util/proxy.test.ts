import t from 'tap'
import { isLoopback, proxyFor, shownProxy } from '../../../src/util/proxy.js'

const target = new URL('https://api.example.com/v2')
const hrefOf = (env: Record<string, string>, url = target) => proxyFor(url, env)?.href

t.test('the variable of the protocol counts, in lower case first, then ALL_PROXY', (t) => {
  t.equal(hrefOf({}), undefined)
  t.equal(hrefOf({ HTTPS_PROXY: 'http://a:1' }), 'http://a:1/')
  t.equal(hrefOf({ HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:2' }), 'http://b:2/')
  t.equal(hrefOf({ HTTP_PROXY: 'http://a:1' }), undefined)
  t.equal(hrefOf({ HTTP_PROXY: 'http://a:1' }, new URL('http://example.com')), 'http://a:1/')
  t.equal(hrefOf({ ALL_PROXY: 'c:3128' }), 'http://c:3128/', 'a bare host is an http proxy')
  t.equal(hrefOf({ HTTPS_PROXY: '  ' }), undefined)
  t.end()
})

t.test('NO_PROXY names hosts, domains, ports and everything', (t) => {
  const exempt = (list: string, url = target) =>
    hrefOf({ HTTPS_PROXY: 'http://a:1', NO_PROXY: list }, url) === undefined
  for (const list of [
    '*',
    'api.example.com',
    'example.com',
    '.example.com',
    '*.example.com',
    'x, API.Example.Com',
    'api.example.com:443',
    'a b example.com',
  ])
    t.ok(exempt(list), list)
  for (const list of ['', ',', 'ample.com', 'api.example.com:8443', 'www.example.com', 'example.org'])
    t.notOk(exempt(list), list)
  t.ok(exempt('[2001:db8::1]:8443', new URL('https://[2001:db8::1]:8443')))
  t.ok(exempt('2001:db8::1', new URL('https://[2001:db8::1]')))
  t.end()
})

t.test('this computer is never reached through a proxy', (t) => {
  for (const url of ['https://localhost:1', 'https://127.9.9.9', 'https://[::1]:1', 'https://a.localhost'])
    t.equal(hrefOf({ ALL_PROXY: 'http://a:1' }, new URL(url)), undefined, url)
  for (const host of ['127.0.0.1.evil.test', 'localhost.evil.test', '10.0.0.1', '::2'])
    t.notOk(isLoopback(host), host)
  t.end()
})

t.test('a proxy is shown without its login, also where it is refused', (t) => {
  const proxy = proxyFor(target, { HTTPS_PROXY: 'http://me:hunter2@proxy.test:3128' })
  t.equal(proxy && shownProxy(proxy), 'http://proxy.test:3128')
  for (const bad of ['socks5://me:hunter2@p:1080', 'http://me:hunter2@'])
    t.throws(() => hrefOf({ HTTPS_PROXY: bad }), {
      message: /^the proxy (?!.*hunter2).* is no http or https URL$/,
    })
  t.end()
})
