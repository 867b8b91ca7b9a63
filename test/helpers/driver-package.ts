/** Files of a small driver package. */
export function driverPackage(
  name: string,
  {
    version = '1.0.0',
    contract = '1.0.0',
    packageName = `tsmachine-driver-${name}`,
    more = {},
    code = '',
  } = {},
): Readonly<Record<string, string>> {
  const manifest = { name: packageName, version, type: 'module', main: 'index.js', ...more }
  return {
    'package.json': JSON.stringify(manifest),
    'index.js': `${code}
import { defineDriver } from 'tsmachine/driver'
const none = async () => []
export const driver = defineDriver({
  contract: '${contract}',
  name: '${name}',
  summary: 'Servers of ${name}',
  capabilities: { ssh: false },
  flags: [{ name: '${name}-token', key: 'token', type: 'string', env: '${name.toUpperCase()}_TOKEN', secret: true, summary: 'Token' }],
  hasCredentials: (values, env) => JSON.stringify(env) === '{"${name.toUpperCase()}_TOKEN":"mine"}',
  open: () => ({
    preflight: none,
    async *create() {
      yield { type: 'log', level: 'info', text: JSON.stringify(process.env) }
    },
    states: async (machines) => machines.map(({ id }) => ({ id, state: 'Running' })),
    async *start() {}, async *stop() {}, async *kill() {},
    async *remove() {},
  }),
})
`,
  }
}
