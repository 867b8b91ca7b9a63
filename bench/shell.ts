/** `eval "$(... env NAME)"` in bash with the functions of shell-init, against Node's empty start and docker-machine. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TestUser } from '../test/helpers/cli.js'
import { elapsed, interleave } from './interleave.js'
import { ratio } from './numbers.js'
import type { Bench, Measurement } from './result.js'

const BUDGET = 0.1
/** In one shell, so that its own start does not count. */
const TIMES = 50
const WARM_UP = 2

/** docker-machine's `env` asks the engine first; `url` is the same without that. */
export const benchShell: Bench = async ({ runs, dockerMachine }) => {
  const user = new TestUser()
  try {
    const init = await prepare(user)
    const shell = async (line: string) => await inShell(user, init, line)
    const turns = await interleave(
      {
        ours: async () => (await shell('eval "$(tsmachine env web)"')) - (await shell(':')),
        node: async () => (await elapsed(() => user.run(process.execPath, ['-e', '0']))) * TIMES,
        theirs:
          dockerMachine === undefined
            ? undefined
            : async () => (await elapsed(() => user.run(dockerMachine, ['url', 'web']))) * TIMES,
      },
      { runs, warmUp: WARM_UP },
    )
    const each = (name: string, values: readonly number[]): Measurement => ({
      name,
      unit: 'ms',
      values: values.map((ms) => Math.max(ms, 0) / TIMES),
    })
    const ours = each('eval "$(tsmachine env web)" with shell-init', turns.ours)
    const node = each('node -e 0', turns.node)
    const theirs = each('docker-machine url web (its env asks the engine besides)', turns.theirs)
    const compared = theirs.values.length > 0
    return {
      measurements: compared ? [ours, node, theirs] : [ours, node],
      ratios: [
        ratio('env in a shell / node -e 0', ours, node, BUDGET),
        ...(compared ? [ratio("env in a shell / docker-machine's", ours, theirs, BUDGET)] : []),
      ],
      notes: compared ? [] : ['docker-machine is not on PATH: not compared with it'],
    }
  } finally {
    await user.cleanUp()
  }
}

/** A machine whose answer is kept, and the functions in a file. */
async function prepare(user: TestUser): Promise<string> {
  await user.ok(['create', '--driver', 'none', '--url', 'tcp://127.0.0.1:2376', 'web'])
  await user.ok(['env', 'web'])
  const init = join(user.home, 'init.bash')
  writeFileSync(init, await user.ok(['shell-init', 'bash']))
  return init
}

/** The program is not on PATH: whatever asks for it fails, and is not measured. */
async function inShell(user: TestUser, init: string, line: string): Promise<number> {
  const script = `set -e; . "$1"; for ((i = 0; i < ${TIMES}; i++)); do ${line}; done; [[ $2 == : || $DOCKER_MACHINE_NAME == web ]]`
  let code: number | null = null
  const ms = await elapsed(async () => {
    const outcome = await user.run('bash', ['--norc', '-c', script, 'bench', init, line])
    code = outcome.code
  })
  if (code !== 0) throw new Error(`${line} did not do its work in bash`)
  return ms
}
