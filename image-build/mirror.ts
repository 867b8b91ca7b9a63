import { run } from './exec.js'

/** Where packages come from: Debian's main archive and, when known, its security archive. */
export interface Mirror {
  main: string
  security?: string
}

interface IndexTarget {
  uri: string
  codename: string
  origin: string
  label: string
}

const FORMAT = '$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(LABEL)'

/** Reads `apt-get indextargets --format` lines; other vendors' repositories are dropped. */
export function parseIndexTargets(text: string): Mirror | undefined {
  const debian = text
    .split('\n')
    .map(parseTarget)
    .filter((target) => target.origin === 'Debian' && target.uri !== '')
  const security = debian.find((target) => target.label === 'Debian-Security')
  const main = debian.find((target) => target.label === 'Debian' && !target.codename.includes('-'))
  if (!main) return undefined
  return { main: main.uri, ...(security ? { security: security.uri } : {}) }
}

function parseTarget(line: string): IndexTarget {
  const [uri = '', codename = '', origin = '', label = ''] = line.split('|')
  return { uri: uri.replace(/\/+$/, ''), codename, origin, label }
}

/**
 * The mirror to build from: `choice` (a URL, or `URL,SECURITY_URL`), else the one that this computer's own apt uses.
 * Throws with the flag to use when neither names a Debian archive.
 */
export async function chooseMirror(choice: string | undefined, signal?: AbortSignal): Promise<Mirror> {
  const own = await ownMirror(signal)
  if (!choice) {
    if (own) return own
    throw new Error(
      'the apt of this computer names no Debian archive (is it another distribution, or was "apt-get update" never run?); give one with --mirror URL',
    )
  }
  const [main = '', security] = choice.split(',').map((url) => url.trim().replace(/\/+$/, ''))
  if (!/^(https?|file|copy):/.test(main)) throw new Error(`--mirror is not a URL: ${main}`)
  return { main, ...(security ? { security } : {}) }
}

async function ownMirror(signal?: AbortSignal): Promise<Mirror | undefined> {
  return parseIndexTargets(
    await run(['apt-get', 'indextargets', '--format', FORMAT], { ...(signal ? { signal } : {}) }),
  )
}
