/** Opens a session with the plugin double; then it ends without a word to it, however its first word says. */
import { PluginSession } from '../../src/drivers/plugin/session/plugin-session.js'
import { connectLines, LINE_PLUGIN } from '../doubles/line-plugin/index.js'

const ENDS: Readonly<Record<string, () => unknown>> = {
  return: () => undefined,
  exit: () => process.exit(0),
  throw: () => {
    throw new Error('unexpected')
  },
  kill: () => process.kill(process.pid, 'SIGKILL'),
}

await PluginSession.open({
  driver: 'dbl',
  program: LINE_PLUGIN,
  env: process.env,
  connect: connectLines,
  onLog: () => undefined,
})
ENDS[process.argv[2] ?? '']?.()
