import path from 'node:path'
import { run } from './exec.js'
import { IPTABLES_DIR, IPTABLES_NAMES, LOADER, PROGRAMS } from './engine-bundle-layout.js'

/** `treeDir` holds the files that will be installed as `prefix`. */
export interface CheckOptions {
  treeDir: string
  prefix: string
  signal?: AbortSignal
  report?: (line: string) => void
}

interface Probe {
  to: string
  args: readonly string[]
  says: RegExp
}

const SCRIPT_PROBES: readonly Probe[] = IPTABLES_NAMES.map((name) => ({
  to: `${IPTABLES_DIR}/${name}`,
  args: ['--version'],
  says: /nf_tables/,
}))

/** Extensions are opened by path while iptables runs: dockerd's rules need these. */
const EXTENSION_PROBES: readonly Probe[] = [
  { to: `${IPTABLES_DIR}/iptables`, args: ['-m', 'addrtype', '--help'], says: /--dst-type/ },
  { to: `${IPTABLES_DIR}/iptables`, args: ['-m', 'conntrack', '--help'], says: /--ctstate/ },
  { to: `${IPTABLES_DIR}/iptables`, args: ['-j', 'MASQUERADE', '--help'], says: /--to-ports/ },
  { to: `${IPTABLES_DIR}/ip6tables`, args: ['-j', 'REJECT', '--help'], says: /--reject-with/ },
]

/**
 * Makes the tree appear at its real path in a mount namespace of this process's own and runs the program there.
 * `.` is the tree: it must be bound before a mount on /opt can hide it.
 */
const AT_REAL_PATH = `
prefix=$1; shift
exec 9<. && mount -t tmpfs none /opt && mkdir -p "$prefix" && mount --bind /proc/self/fd/9 "$prefix" && cd / && exec "$@" 2>&1`

/** Runs each program of the bundle once, relocated. Throws naming the one that does not start or says something else. */
export async function checkBundle(options: CheckOptions): Promise<void> {
  const enter = await namespaceCommand(options)
  if (enter) {
    const programs = PROGRAMS.map(({ to, probe, says }) => ({ to, args: probe, says }))
    for (const probe of [...programs, ...SCRIPT_PROBES, ...EXTENSION_PROBES]) {
      const argv = [...enter, `${options.prefix}/${probe.to}`, ...probe.args]
      judge(probe, await attempt(probe, argv, options))
    }
    return
  }
  options.report?.(
    'no mount namespace here: programs are tried through their own loader, not at their real path',
  )
  for (const { to, probe, says } of PROGRAMS) {
    const argv = [...throughLoader(options.treeDir, to), ...probe]
    judge({ to, args: probe, says }, await attempt({ to, args: probe, says }, argv, options))
  }
}

/** Start of a command line that runs the rest at the real path; undefined where namespaces are not allowed. */
async function namespaceCommand(options: CheckOptions): Promise<string[] | undefined> {
  for (const flags of ['-m', '-rm']) {
    const argv = ['unshare', flags, 'sh', '-c', AT_REAL_PATH, 'sh', options.prefix]
    try {
      await run([...argv, 'true'], runOptions(options))
      return argv
    } catch {
      options.signal?.throwIfAborted()
    }
  }
  return undefined
}

function throughLoader(treeDir: string, to: string): string[] {
  const script =
    'tree=$1; program=$2; shift 2; exec "$tree/lib/$0" --library-path "$tree/lib" "$tree/$program" "$@" 2>&1'
  const direct = 'tree=$1; program=$2; shift 2; exec "$tree/$program" "$@" 2>&1'
  const isStatic = to === 'bin/docker-init'
  return ['sh', '-c', isStatic ? direct : script, LOADER, treeDir, to]
}

async function attempt(probe: Probe, argv: readonly string[], options: CheckOptions): Promise<string> {
  try {
    return await run(argv, runOptions(options))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${probe.to} of the engine bundle does not run: ${reason}`, { cause })
  }
}

function judge(probe: Probe, output: string): void {
  if (!probe.says.test(output))
    throw new Error(
      `${path.basename(probe.to)} of the engine bundle said something unexpected: ${output.slice(0, 200)}`,
    )
}

function runOptions(options: CheckOptions): { cwd: string; signal?: AbortSignal } {
  return { cwd: options.treeDir, ...(options.signal ? { signal: options.signal } : {}) }
}
