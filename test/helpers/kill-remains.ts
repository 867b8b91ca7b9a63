/** What a user's home may hold when all machines are removed, and what else is left there or runs for it. */
import { readdirSync, readFileSync, type Dirent, utimesSync } from 'node:fs'
import { join, relative } from 'node:path'

/** What stays with a store that has no machines: its CA, its id, the credentials that `gc` goes on asking with. */
const STAYS: readonly RegExp[] = [
  /^(?:run|tmp|docker(?:\/contexts(?:\/(?:meta|tls))?)?)$/,
  /^store(?:\/(?:id|id-host|machines|machines\/\.removed|locks|certs|secrets|accounts))?$/,
  /^store\/certs\/(?:ca|ca-key|key|cert)\.pem$/,
  /^store\/secrets\/[a-z0-9]+-[0-9a-f]{16}-[a-zA-Z]+-[0-9a-f]{16}$/,
  /^store\/accounts\/(?:placeholder\.pub|[0-9a-f]{16}(?:\/\w+\.json)?)$/,
]

const SECRETS = /^store\/secrets\//

/** Paths below `home` that should not be there; `except` are folders that are of the test. */
export function strayFiles(home: string, except: readonly string[] = []): readonly string[] {
  return entries(home)
    .map((entry) => relative(home, join(entry.parentPath, entry.name)))
    .filter((path) => !except.some((folder) => path === folder || path.startsWith(`${folder}/`)))
    .filter((path) => !STAYS.some((known) => known.test(path)))
}

/** Files that hold a secret although they are not of the secret backend. */
export function filesWith(home: string, secret: string): readonly string[] {
  return entries(home)
    .filter((entry) => entry.isFile())
    .map((entry) => relative(home, join(entry.parentPath, entry.name)))
    .filter((path) => !SECRETS.test(path) && readFileSync(join(home, path), 'latin1').includes(secret))
}

/** How many secrets the backend has of each kind: one account needs one. */
export function secretNames(home: string): readonly string[] {
  return entries(home)
    .map((entry) => relative(home, join(entry.parentPath, entry.name)))
    .filter((path) => SECRETS.test(path))
}

/** Processes that were started for this home, by their environment or their words. */
export function processesOf(home: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => /\S/.test(read(pid, 'cmdline')))
    .filter((pid) => read(pid, 'environ').includes(home) || read(pid, 'cmdline').includes(`${home}/`))
    .map((pid) => `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ')}`)
}

/** As if hours had passed since anything here was written. */
export function makeOld(home: string, hours = 3): void {
  const then = Date.now() / 1000 - hours * 3600
  for (const entry of entries(home)) {
    if (entry.isSymbolicLink()) continue
    utimesSync(join(entry.parentPath, entry.name), then, then)
  }
}

function entries(home: string): readonly Dirent[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
