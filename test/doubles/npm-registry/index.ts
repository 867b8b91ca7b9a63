import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runDir } from '../../helpers/run-dir.js'

type Manifest = Readonly<Record<string, unknown>> & { readonly name: string; readonly version: string }

interface Version {
  readonly manifest: Manifest
  readonly tarball: Buffer
}

/** A package registry on the loopback address, as far as npm's installs ask it. */
export class NpmRegistry {
  readonly #versions = new Map<string, Version[]>()
  readonly #dir = runDir('npm')
  /** Paths that were asked for. */
  readonly asked: string[] = []
  /** Tarballs are answered with other bytes than their hash was made of. */
  corrupt = false
  /** Nothing is answered any more. */
  hangs = false
  #last = 0

  private constructor(
    private readonly server: Server,
    private readonly modules: string | undefined,
  ) {
    server.on('request', (request, response) => this.#answer(request, response))
  }

  /** `modules`: a node_modules folder whose packages are there as well. */
  static async start(modules?: string): Promise<NpmRegistry> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new NpmRegistry(server, modules)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`
  }

  /** How a user's npm is set up for it, with a cache of its own. */
  get env(): Readonly<Record<string, string>> {
    return {
      npm_config_registry: this.url,
      npm_config_cache: join(this.#dir, 'cache'),
      npm_config_userconfig: join(this.#dir, 'npmrc'),
      npm_config_fetch_retries: '0',
    }
  }

  /** Publishes a package of these files; `package.json` is one of them. */
  publish(files: Readonly<Record<string, string>>): void {
    const dir = join(this.#dir, String(++this.#last))
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(dir, name, '..'), { recursive: true })
      writeFileSync(join(dir, name), text)
    }
    this.publishFolder(dir)
  }

  /** Publishes a folder as it is. */
  publishFolder(dir: string): void {
    this.#add(packed(dir))
  }

  /** Publishes what `npm pack` has made. */
  publishTarball(file: string): void {
    const text = execFileSync('tar', ['-xzOf', file, 'package/package.json'], { encoding: 'utf8' })
    this.#add({ manifest: JSON.parse(text) as Manifest, tarball: readFileSync(file) })
  }

  #add(version: Version): void {
    const { name } = version.manifest
    this.#versions.set(name, [...(this.#versions.get(name) ?? []), version])
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #answer({ url = '/' }: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(url)
    this.asked.push(path)
    if (this.hangs) return
    const [, name = '', version] = /^\/((?:@[^/]+\/)?[^/]+)(?:\/-\/(.+)\.tgz)?$/.exec(path) ?? []
    const versions = this.#find(name)
    if (version === undefined && versions)
      return void response.end(JSON.stringify(this.#packument(name, versions)))
    const found = versions?.find(({ manifest }) => manifest.version === version)
    if (found) return void response.end(this.corrupt ? Buffer.from('other bytes') : found.tarball)
    response.statusCode = 404
    response.end('{"error":"Not found"}')
  }

  #find(name: string): readonly Version[] | undefined {
    const dir = this.modules && join(this.modules, name)
    if (!this.#versions.has(name) && dir !== undefined && existsSync(join(dir, 'package.json')))
      this.publishFolder(dir)
    return this.#versions.get(name)
  }

  #packument(name: string, versions: readonly Version[]): object {
    const entries = versions.map(({ manifest, tarball }) => {
      const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
      const url = `${this.url}${name}/-/${manifest.version}.tgz`
      return [manifest.version, { ...manifest, dist: { tarball: url, integrity } }] as const
    })
    return {
      name,
      'dist-tags': { latest: versions.at(-1)?.manifest.version },
      versions: Object.fromEntries(entries),
    }
  }
}

function packed(dir: string): Version {
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Manifest
  const words = ['-cz', '--exclude=./node_modules', '--transform=s,^\\.,package,', '-C', dir, '.']
  return { manifest, tarball: execFileSync('tar', words, { maxBuffer: 1e9 }) }
}
