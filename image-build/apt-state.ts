import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { run } from './exec.js'
import { chooseMirror, type Mirror } from './mirror.js'

/** What decides which archive is read, and where its state is kept. */
export interface AptOptions {
  /** Holds `apt/` (package lists) and `debs/` (downloaded packages by SHA-256). */
  cacheDir: string
  /** Debian suite, `trixie` by default. */
  suite?: string
  /** Debian architecture of the packages, not of this computer. `amd64` by default. */
  arch?: string
  /** `URL` or `URL,SECURITY_URL`; this computer's own Debian mirror by default. */
  mirror?: string
  /** Reads source package lists too. */
  sources?: boolean
  signal?: AbortSignal
  report?: (line: string) => void
}

/** An apt of our own: nothing of the build host's apt state is read (but proxies) or changed. */
export interface Apt {
  readonly suite: string
  readonly arch: string
  readonly cacheDir: string
  readonly stateDir: string
  /** Runs an apt program against this state and returns its output. */
  run(argv: readonly string[], cwd?: string): Promise<string>
}

const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
]
const FRESH_MS = 30 * 60_000
/** No build takes as long; what is older is nobody's. */
const STALE_MS = 24 * 3_600_000
/** Written into a state when its lists are complete. */
const READY = 'updated'
/** Settings of the build host that are about reaching an archive at all. */
const INHERITED = /^Acquire::(https?|ftp|Retries|Check-Valid-Until|Check-Date|ForceIPv)/

/**
 * An apt with package lists of at most half an hour of age. Every update gets a folder of its own, so that builds at the
 * same time neither wait for nor disturb each other. Throws when no mirror is known, the keyring is missing or a signature is bad.
 */
export async function openApt(options: AptOptions): Promise<Apt> {
  const { suite = 'trixie', arch = 'amd64', cacheDir, signal } = options
  const mirror = await chooseMirror(options.mirror, signal)
  const sources = sourceEntries(mirror, suite, arch, findKeyring(), options.sources ?? false)
  const key = createHash('sha256').update(sources).digest('hex').slice(0, 12)
  const base = path.join(cacheDir, 'apt', `${suite}-${arch}-${key}`)
  const fresh = await freshState(base)
  if (fresh) return makeApt({ suite, arch, cacheDir, stateDir: fresh }, signal)
  const stateDir = path.join(base, `${String(Date.now())}-${String(process.pid)}`)
  await writeState(stateDir, sources, aptConf(stateDir, arch, await inheritedSettings(signal)))
  const apt = makeApt({ suite, arch, cacheDir, stateDir }, signal)
  options.report?.(`reading the package lists of Debian ${suite}`)
  await apt.run(['apt-get', 'update', '-q', '--error-on=any'])
  await writeFile(path.join(stateDir, READY), '')
  return apt
}

function makeApt(fields: Omit<Apt, 'run'>, signal?: AbortSignal): Apt {
  const env = { APT_CONFIG: path.join(fields.stateDir, 'apt.conf') }
  return {
    ...fields,
    run: (argv, cwd) => run(argv, { env, ...(cwd ? { cwd } : {}), ...(signal ? { signal } : {}) }),
  }
}

/** The newest complete state that is still fresh; old ones are removed by the way. */
async function freshState(base: string): Promise<string | undefined> {
  const names = (await readdir(base).catch(() => [])).sort().reverse()
  let found: string | undefined
  for (const name of names) {
    const dir = path.join(base, name)
    const age = Date.now() - (Number.parseInt(name, 10) || 0)
    if (age > STALE_MS) await rm(dir, { recursive: true, force: true })
    else if (age < FRESH_MS && existsSync(path.join(dir, READY))) found ??= dir
  }
  return found
}

function findKeyring(): string {
  const found = KEYRINGS.find((file) => existsSync(file))
  if (found) return found
  throw new Error(
    'the keys of the Debian archive are missing on this computer; install the package debian-archive-keyring',
  )
}

function sourceEntries(
  mirror: Mirror,
  suite: string,
  arch: string,
  keyring: string,
  sources: boolean,
): string {
  const entry = (uri: string, suites: string) =>
    [
      `Types: deb${sources ? ' deb-src' : ''}`,
      `URIs: ${uri}`,
      `Suites: ${suites}`,
      'Components: main',
      `Architectures: ${arch}`,
      `Signed-By: ${keyring}`,
      '',
    ].join('\n')
  const entries = [entry(mirror.main, `${suite} ${suite}-updates`)]
  if (mirror.security) entries.push(entry(mirror.security, `${suite}-security`))
  return entries.join('\n')
}

async function inheritedSettings(signal?: AbortSignal): Promise<string[]> {
  const dump = await run(['apt-config', 'dump'], { ...(signal ? { signal } : {}) })
  return dump.split('\n').filter((line) => INHERITED.test(line))
}

function aptConf(dir: string, arch: string, inherited: string[]): string {
  return [
    `Dir "${dir}";`,
    `Dir::State "${dir}";`,
    `Dir::State::status "${dir}/status";`,
    `Dir::Cache "${dir}";`,
    `Dir::Etc "${dir}/etc";`,
    'Dir::Etc::parts "/dev/null";',
    'Dir::Etc::main "/dev/null";',
    'Dir::Etc::sourcelist "/dev/null";',
    'Dir::Etc::trusted "/dev/null";',
    'Dir::Etc::trustedparts "/dev/null";',
    `APT::Architecture "${arch}";`,
    `APT::Architectures { "${arch}"; };`,
    'APT::Install-Recommends "false";',
    // Nobody else writes to this state.
    'Debug::NoLocking "true";',
    // The cache belongs to the builder; apt's own unprivileged user could not write to it.
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    'Acquire::IndexTargets::deb::DEP-11 { DefaultEnabled "false"; };',
    'Acquire::Retries "3";',
    ...inherited,
    '',
  ].join('\n')
}

async function writeState(dir: string, sources: string, conf: string): Promise<void> {
  for (const part of ['lists/partial', 'archives/partial', 'etc/sources.list.d', 'etc/preferences.d']) {
    await mkdir(path.join(dir, part), { recursive: true, mode: 0o700 })
  }
  await writeFile(path.join(dir, 'etc/sources.list.d/debian.sources'), sources)
  await writeFile(path.join(dir, 'status'), '')
  await writeFile(path.join(dir, 'apt.conf'), conf)
}
