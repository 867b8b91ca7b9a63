import type { Facts, Plan } from '../../src/contracts/provision.js'
import { run } from './steps.js'

/** Removes bundles that nothing needs any more; undefined when there are none. */
export function pruneBundles(facts: Facts, keep: readonly string[]): Plan | undefined {
  const old = facts.bundles.filter((version) => !keep.includes(version))
  if (old.length === 0) return undefined
  return {
    steps: [run(['sh', '@lib/prune-bundles.sh', ...old], 'remove engines that are no longer needed')],
    engine: { source: 'bundled', port: 0 },
    warnings: [],
  }
}
