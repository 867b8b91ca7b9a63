/**
 * The child's entry: `node main.js MODULE [--once]`, where MODULE exports `factory`. With `--once` one request is read
 * and answered; without, requests are served until stdin ends.
 */
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import type { DriverFactory } from '../../contracts/driver.js'
import { answerOnce, DriverServer } from './server.js'

const [module = '', once] = process.argv.slice(2)
const { factory } = (await import(pathToFileURL(module).href)) as { factory: DriverFactory }
if (once === '--once') process.stdout.write(`\n${await answerOnce(factory, await text(process.stdin))}\n`)
else await new DriverServer(factory, process.stdout).serve(process.stdin)
