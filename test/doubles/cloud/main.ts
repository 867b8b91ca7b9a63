// A double in a process of its own: `main.ts digitalocean [OPTIONS as JSON]`. Prints its URL, and ends with its standard input.
import type { CloudDouble, DoubleOptions } from './double.js'

const DOUBLES: Readonly<Record<string, (options: DoubleOptions) => Promise<CloudDouble>>> = {
  digitalocean: async (options) =>
    (await import('../digitalocean/index.js')).DigitalOceanDouble.start(options),
  hetzner: async (options) => (await import('../hetzner/index.js')).HetznerDouble.start(options),
}

const [name = '', options = '{}'] = process.argv.slice(2)
const start = DOUBLES[name]
if (!start) throw new Error(`there is no double of ${name}: ${Object.keys(DOUBLES).join(', ')}`)
const double = await start(JSON.parse(options) as DoubleOptions)
process.stdout.write(`${JSON.stringify({ url: double.url })}\n`)
process.stdin.resume()
process.stdin.once('end', () => void double.close().then(() => process.exit(0)))
