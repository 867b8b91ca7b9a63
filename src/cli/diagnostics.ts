import type { ListedArtefact } from '../contracts/image.js'
import type { Finding, OutsideCheck } from '../machine/doctor.js'
import { findProgram, run } from '../util/exec.js'
import { artefactStore } from './artefact-store.js'

type Environment = Readonly<Record<string, string | undefined>>

const OLDEST_NODE = [20, 19] as const
const DOCKER_MS = 10_000

/** What `doctor` looks at outside the machine layer. */
export function diagnosticTools(env: Environment): readonly OutsideCheck[] {
  return [
    () => Promise.resolve([checkNode(process.versions.node)]),
    (signal) => checkDocker(env, signal),
    () => Promise.resolve(checkVariables(env)),
    () => checkArtefacts(env),
  ]
}

/** Exported for its test: the running Node cannot be changed there. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
  const text = `${version}${enough ? '' : ` is too old: ${OLDEST_NODE.join('.')} or newer is needed`}`
  return { check: 'node', level: enough ? 'good' : 'bad', text }
}

async function checkDocker(env: Environment, signal: AbortSignal): Promise<readonly Finding[]> {
  const program = findProgram('docker', env)
  if (program === undefined) {
    const hint =
      'Machines work without it on this computer: ssh NAME docker ... (Debian: apt-get install docker-cli)'
    return [
      {
        check: 'docker client',
        level: 'note',
        text: 'not on this computer: no Docker contexts are made',
        hint,
      },
    ]
  }
  const { stdout } = await run(program, ['--version'], { signal, deadlineMs: DOCKER_MS })
  return [{ check: 'docker client', level: 'good', text: `${stdout.trim()} (${program})` }]
}

/** These win over the current Docker context. */
function checkVariables(env: Environment): readonly Finding[] {
  return ['DOCKER_HOST', 'DOCKER_CONTEXT']
    .filter((name) => env[name])
    .map((name) => ({
      check: name,
      level: 'note' as const,
      text: `is set to ${env[name] ?? ''}: it wins over the current Docker context`,
      hint: `unset ${name}`,
    }))
}

async function checkArtefacts(env: Environment): Promise<readonly Finding[]> {
  const rows = await artefactStore(env).list()
  return [
    ...rows.filter((row) => row.error !== undefined).map(brokenArtefact),
    present(rows, 'image'),
    present(rows, 'engine'),
  ]
}

function brokenArtefact(row: ListedArtefact): Finding {
  const hint = `Remove it: tsmachine image rm ${row.id.slice(0, 12)}`
  return { check: `artefact ${row.id.slice(0, 12)}`, level: 'note', text: row.error ?? '', hint }
}

function present(rows: readonly ListedArtefact[], kind: 'image' | 'engine'): Finding {
  const row = rows.find(
    (candidate) => candidate.kind === kind && candidate.current && candidate.error === undefined,
  )
  const check = kind === 'image' ? 'boot image' : 'engine bundle'
  if (row) return { check, level: 'good', text: `${row.version ?? ''} (${row.arch ?? ''})` }
  return {
    check,
    level: 'note',
    text: 'none yet: the first create that needs it gets or builds it',
    hint: `tsmachine image build ${kind}`,
  }
}
