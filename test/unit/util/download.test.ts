import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import forge from 'node-forge'
import t, { type Test } from 'tap'
import type { MachineError } from '../../../src/contracts/errors.js'
import { download } from '../../../src/util/download.js'

const BODY = randomBytes(300_000)
const HASH = createHash('sha256').update(BODY).digest('hex')

// The servers of these tests are here: no proxy of this computer may be asked for them.
for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) delete process.env[name]

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

interface Site {
  url: string
  /** `Range` of each request, '' when there was none. */
  ranges: string[]
}

/** A server for one test that answers with `handler`. */
async function serve(test: Test, handler: Handler): Promise<Site> {
  const ranges: string[] = []
  const server: Server = createServer((request, response) => {
    ranges.push(request.headers.range ?? '')
    handler(request, response, ranges.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, ranges }
}

/** Answers ranges like a real server; the first `breaks` answers break in the middle, once some of them is in `part`. */
function wellBehaved(breaks = 0, part = ''): Handler {
  return (request, response, count) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const rest = BODY.subarray(start)
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"one"',
      'content-length': rest.length,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${BODY.length - 1}/${BODY.length}` } : {}),
    })
    if (count > breaks) {
      response.end(rest)
      return
    }
    response.write(rest.subarray(0, 100_000))
    const watch = setInterval(() => {
      if ((statSync(part, { throwIfNoEntry: false })?.size ?? 0) <= start) return
      clearInterval(watch)
      response.destroy()
    }, 5)
  }
}

function selfSigned(): { key: string; cert: string } {
  const keys = forge.pki.rsa.generateKeyPair(2048)
  const cert = forge.pki.createCertificate()
  cert.publicKey = keys.publicKey
  cert.validity.notAfter = new Date(Date.now() + 3_600_000)
  const name = [{ name: 'commonName', value: 'test' }]
  cert.setSubject(name)
  cert.setIssuer(name)
  cert.sign(keys.privateKey, forge.md.sha256.create())
  return { key: forge.pki.privateKeyToPem(keys.privateKey), cert: forge.pki.certificateToPem(cert) }
}

async function refusal(work: Promise<unknown>): Promise<MachineError> {
  return await work.then(
    () => {
      throw new Error('it was not refused')
    },
    (error: unknown) => error as MachineError,
  )
}

t.test('a file comes over whole, is checked, and nothing else is left', async (t) => {
  const site = await serve(t, wellBehaved())
  const to = join(t.testdir(), 'deep', 'file')
  const seen: number[] = []
  const got = await download({ url: site.url, to, sha256: HASH, onProgress: (done) => seen.push(done) })
  t.strictSame(got, { sha256: HASH, size: BODY.length })
  t.ok(readFileSync(to).equals(BODY))
  t.equal(seen.at(-1), BODY.length)
  t.notOk(existsSync(`${to}.part`) || existsSync(`${to}.part.etag`))
})

t.test('a connection that breaks twice is continued where it stopped', async (t) => {
  const to = join(t.testdir(), 'file')
  const site = await serve(t, wellBehaved(2, `${to}.part`))
  await download({ url: site.url, to, sha256: HASH })
  t.equal(site.ranges.length, 3)
  t.match(site.ranges[1], /^bytes=[1-9]\d*-$/)
  t.ok(readFileSync(to).equals(BODY))
})

t.test('a later call goes on with what an earlier one left, unless the file changed meanwhile', async (t) => {
  const site = await serve(t, wellBehaved())
  const to = join(t.testdir(), 'file')
  writeFileSync(`${to}.part`, BODY.subarray(0, 200_000))
  writeFileSync(`${to}.part.etag`, '"one"')
  await download({ url: site.url, to, sha256: HASH })
  t.strictSame(site.ranges, ['bytes=200000-'])

  const changed = await serve(t, (_request, response) => {
    response.writeHead(200, { etag: '"two"', 'content-length': BODY.length })
    response.end(BODY)
  })
  writeFileSync(`${to}.part`, randomBytes(1000))
  writeFileSync(`${to}.part.etag`, '"one"')
  await download({ url: changed.url, to, sha256: HASH })
  t.ok(readFileSync(to).equals(BODY), 'the server answered 200: it begins again')
})

t.test('bytes without a validator are never continued', async (t) => {
  const site = await serve(t, wellBehaved())
  const to = join(t.testdir(), 'file')
  writeFileSync(`${to}.part`, randomBytes(1000))
  await download({ url: site.url, to, sha256: HASH })
  t.strictSame(site.ranges, [''])
})

t.test('a server that refuses the range is asked for the whole file', async (t) => {
  const site = await serve(t, (request, response) => {
    if (request.headers.range) response.writeHead(416).end()
    else response.writeHead(200).end(BODY)
  })
  const to = join(t.testdir(), 'file')
  writeFileSync(`${to}.part`, randomBytes(1000))
  writeFileSync(`${to}.part.etag`, '"one"')
  await download({ url: site.url, to, sha256: HASH })
  t.equal(site.ranges.length, 2)
})

t.test('an answer that begins elsewhere than where the bytes end is not put behind them', async (t) => {
  const honest = wellBehaved()
  const site = await serve(t, (request, response, count) => {
    if (count === 1) request.headers.range = 'bytes=150000-'
    honest(request, response, count)
  })
  const to = join(t.testdir(), 'file')
  writeFileSync(`${to}.part`, BODY.subarray(0, 200_000))
  writeFileSync(`${to}.part.etag`, '"one"')
  await download({ url: site.url, to })
  t.strictSame(site.ranges, ['bytes=200000-', ''])
  t.ok(readFileSync(to).equals(BODY))
})

t.test('a version that its server calls only much the same is not continued', async (t) => {
  const to = join(t.testdir(), 'file')
  const site = await serve(t, (_request, response, count) => {
    response.writeHead(200, { etag: 'W/"one"', 'content-length': BODY.length })
    if (count > 1) return void response.end(BODY)
    response.write(BODY.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50))
  })
  await download({ url: site.url, to })
  t.strictSame(site.ranges, ['', ''])
  t.ok(readFileSync(to).equals(BODY))
})

t.test('a file with another hash is refused and thrown away', async (t) => {
  const site = await serve(t, wellBehaved())
  const to = join(t.testdir(), 'file')
  const error = await refusal(download({ url: site.url, to, sha256: '0'.repeat(64) }))
  t.equal(error.code, 'image')
  t.match(error.message, HASH)
  t.notOk(existsSync(to) || existsSync(`${to}.part`))
})

t.test(
  'other bytes behind those of a broken download are refused, and the next call begins anew',
  async (t) => {
    const to = join(t.testdir(), 'file')
    let lies = true
    const honest = wellBehaved()
    const site = await serve(t, (request, response, count) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      if (!lies || start === 0) return honest(request, response, count)
      const rest = Buffer.alloc(BODY.length - start, 'x')
      const range = `bytes ${start}-${BODY.length - 1}/${BODY.length}`
      response.writeHead(206, { etag: '"one"', 'content-length': rest.length, 'content-range': range })
      response.end(rest)
    })
    writeFileSync(`${to}.part`, BODY.subarray(0, 1_000))
    writeFileSync(`${to}.part.etag`, '"one"')
    t.match(
      (await refusal(download({ url: site.url, to, sha256: HASH }))).message,
      /is not the expected file/,
    )
    t.notOk(existsSync(to) || existsSync(`${to}.part`) || existsSync(`${to}.part.etag`))
    lies = false
    t.equal((await download({ url: site.url, to, sha256: HASH })).sha256, HASH)
    t.strictSame(site.ranges, ['bytes=1000-', ''])
  },
)

t.test('more than is wanted is refused, whether the server says so before or not', async (t) => {
  const to = join(t.testdir(), 'file')
  let sent = 0
  const site = await serve(t, (request, response) => {
    if (request.url === '/announced') {
      response.writeHead(200, { 'content-length': 1e15 })
      return void response.write('x')
    }
    response.writeHead(200)
    const more = (): void => {
      sent += 65_536
      if (!response.destroyed) response.write(Buffer.alloc(65_536), more)
    }
    more()
  })
  for (const url of [site.url, site.url.replace('/file', '/announced')]) {
    const error = await refusal(download({ url, to, maxBytes: 1_000_000 }))
    t.match(error.message, /is larger than 1000000 bytes/)
    t.notOk(existsSync(to) || existsSync(`${to}.part`))
  }
  t.ok(sent < 50_000_000, `${sent} bytes were sent`)
  t.equal(site.ranges.length, 2, 'and not tried again')
})

t.test('404 is not tried again and 500 is', async (t) => {
  const gone = await serve(t, (_request, response) => response.writeHead(404).end())
  const to = join(t.testdir(), 'file')
  t.equal((await refusal(download({ url: gone.url, to }))).code, 'not-found')
  t.equal(gone.ranges.length, 1)
  const ill = await serve(t, (request, response, count) => {
    if (count === 1) response.writeHead(503).end()
    else wellBehaved()(request, response, count)
  })
  await download({ url: ill.url, to, sha256: HASH })
  t.equal(ill.ranges.length, 2)
})

t.test('a silent server ends at the deadline, saying what was last seen', async (t) => {
  const site = await serve(t, () => undefined)
  const to = join(t.testdir(), 'file')
  const error = await refusal(download({ url: site.url, to, idleMs: 150, deadlineMs: 1_000 }))
  t.equal(error.code, 'timeout')
  t.match(error.message, /no byte came for 0.15 s/)
})

t.test('an unreachable server ends at the deadline with the reason', async (t) => {
  const to = join(t.testdir(), 'file')
  const error = await refusal(download({ url: 'http://127.0.0.1:9/file', to, deadlineMs: 700 }))
  t.equal(error.code, 'timeout')
  t.match(error.message, /ECONNREFUSED/)
})

t.test('redirects are followed, but not without end and not to other protocols', async (t) => {
  const target = await serve(t, wellBehaved())
  const site = await serve(t, (_request, response) =>
    response.writeHead(302, { location: `${target.url}?token=x` }).end(),
  )
  const to = join(t.testdir(), 'file')
  await download({ url: site.url, to, sha256: HASH })
  const endless = await serve(t, (_request, response) =>
    response.writeHead(302, { location: '/again' }).end(),
  )
  t.match((await refusal(download({ url: endless.url, to }))).message, /redirects too often/)
  const odd = await serve(t, (_request, response) =>
    response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  )
  t.match((await refusal(download({ url: odd.url, to }))).message, /Not an http or https URL/)
})

t.test('a redirect from https to http is refused', async (t) => {
  const target = await serve(t, wellBehaved())
  const server = createTlsServer(selfSigned(), (_request, response) =>
    response.writeHead(302, { location: target.url }).end(),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.teardown(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/file`
  const error = await refusal(download({ url, to: join(t.testdir(), 'file') }))
  t.match(error.message, /not encrypted: refused/)
  t.strictSame(target.ranges, [], 'the plain server was not even asked')
})

t.test('abort ends it with the reason of the caller', async (t) => {
  const site = await serve(t, () => undefined)
  const stop = new AbortController()
  const reason = new Error('stopped by the user')
  setTimeout(() => stop.abort(reason), 100)
  const to = join(t.testdir(), 'file')
  t.equal(await refusal(download({ url: site.url, to, signal: stop.signal })), reason)
})

t.test('passwords in a URL do not show in errors', async (t) => {
  const site = await serve(t, (_request, response) => response.writeHead(403).end())
  const url = site.url.replace('http://', 'http://user:hunter2@')
  const error = await refusal(download({ url: `${url}?key=hunter2`, to: join(t.testdir(), 'file') }))
  t.match(error.message, /answered 403/)
  t.notMatch(JSON.stringify([error.message, error.hints]), /hunter2/)
})

t.test('a proxy from the environment is used', async (t) => {
  const proxy = await serve(t, (request, response) => {
    if (request.url === 'http://files.invalid/file') response.writeHead(200).end(BODY)
    else response.writeHead(500).end()
  })
  const before = process.env['HTTP_PROXY']
  process.env['HTTP_PROXY'] = new URL(proxy.url).origin
  t.teardown(() => {
    if (before === undefined) delete process.env['HTTP_PROXY']
    else process.env['HTTP_PROXY'] = before
  })
  const to = join(t.testdir(), 'file')
  await download({ url: 'http://files.invalid/file', to, sha256: HASH, deadlineMs: 2_000 })
  t.equal(proxy.ranges.length, 1)
})
