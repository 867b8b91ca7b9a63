// Keeps out of dist/fast.cjs what no hot form comes to. Looking at a part that is not there throws and is noted, and then
// the whole program answers (src/cli/fast.ts): too long a list costs time, never a wrong answer.
import { resolve } from 'node:path'

/** Of drivers: what reads records and says where a machine is. */
const READERS = [
  'registry',
  'common/(address|config-reader|driver-names|flag-types|flags|recorded/.*|cloud/(account|capabilities|driver|part|tags))',
  '(absent|none)/.*',
  '(digitalocean|hetzner|amazonec2|qemu|generic)/(index|flags|config|parse|record|driver|kinds|parts)',
  'package/installed',
  'plugin/(driver|flags|identity|index|locate|log-events|observe|plugin-failure|secret-keys)',
  'plugin/(session/find-program|wire/plugin-api)',
  'digitalocean/extras',
  'hetzner/(labels|limits)',
  'qemu/(elsewhere|layout|network-choice|network-user|argv|memory-file|no-room|ports|process|saved-memory|state|vm-record|shares)',
]

const LEFT_OUT = [
  /\/(image-build|provision|src\/images|src\/tls|src\/ssh)\//,
  /\/src\/engine\/(?!(ask-once|errors|light-connect|plain-trust|probe|target|watch)\.ts)/,
  /\/src\/cli\/(artefact-store|ask-secret|spawn-helper)\.ts$/,
  /\/src\/machine\/(connect|create-state|docker-context|driver-events|engine-tunnel|renew)\.ts$/,
  /\/src\/store\/(account-desk|credential-helper|shared-budget|turn-file|turns|sealed-file|store-home)\.ts$/,
  /\/src\/util\/(download|locks|exec|multipart|proxy|first-file)\.ts$/,
  new RegExp(`/src/drivers/(?!(${READERS.join('|')})\\.ts)`),
]

const STUB = `
const get = (_target, part) => {
  if (part === '__esModule' || typeof part !== 'string') return undefined
  globalThis[Symbol.for('tsmachine.left-out')] = part
  throw new Error('left out: ' + part)
}
module.exports = Object.create(new Proxy({}, { get }))
`

export const hotOnly = {
  name: 'hot-only',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
      const file = resolve(resolveDir, path).replace(/\.js$/, '.ts').replaceAll('\\', '/')
      return LEFT_OUT.some((pattern) => pattern.test(file))
        ? { path: 'part', namespace: 'left-out' }
        : undefined
    })
    onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: STUB }))
  },
}
