/** How much each test that repeats something does: in CI, and in `npm run campaign`. One row per name, used by `size(name)`. */
export const SIZES = {
  /** Processes that make one certificate authority at once. */
  caProcesses: { ci: 6, campaign: 24 },
  /** Rounds in which ten processes find one stale lock at once. */
  staleLockRounds: { ci: 3, campaign: 60 },
  /** Generated SSH keys (a known fault of another generator hits one in 250). */
  sshKeys: { ci: 600, campaign: 50_000 },
  /** Creates of a CI runner at once on an empty store. */
  runnerCreates: { ci: 20, campaign: 100 },
  /** The same with real VMs. */
  runnerVms: { ci: 3, campaign: 6 },
  /** Moments at which a CI runner's create is killed, each with a VM of its own. */
  killMoments: { ci: 2, campaign: 3 },
  /** Clouds whose machine is also stopped and started, which boots another VM; the contract suite does it for all. */
  cloudRestarts: { ci: 1, campaign: 3 },
  /** Hostile values of engine options that go through each shell and reader. */
  hostileValues: { ci: 60, campaign: 5_000 },
  /** Deaths of a client at a request to each provider: more than there are means all. */
  crashRequests: { ci: 24, campaign: 10_000 },
  /** Machines of one driver plugin in one `ls`. */
  pluginMachines: { ci: 30, campaign: 100 },
  /** Runs of a comparison of `npm run bench` whose figures are counts. */
  benchCounts: { ci: 1, campaign: 1 },
  /** Runs of one that takes milliseconds. */
  benchStarts: { ci: 15, campaign: 41 },
  /** Runs of one that boots VMs. */
  benchBoots: { ci: 3, campaign: 7 },
  /** Machines that one process makes at a provider that enforces its rate limit, on a fake clock. */
  scaleMachines: { ci: 120, campaign: 1_000 },
  /** Damaged and hostile streams of the plugin protocol that are decoded. */
  fuzzedStreams: { ci: 2_000, campaign: 100_000 },
  /** Machines of a driver plugin that are made at once. */
  pluginCreates: { ci: 3, campaign: 20 },
  /** Calls of a create at which a driver plugin is killed: more than there are means all. */
  pluginDeaths: { ci: 7, campaign: 1_000 },
  /** The same for the program. */
  programDeaths: { ci: 3, campaign: 1_000 },
  /** Methods of a driver plugin in which each of its faults is tried: more than there are means all. */
  pluginFaults: { ci: 5, campaign: 1_000 },
  /** Inputs that each parser is given by its property-based tests. */
  propertyRuns: { ci: 100, campaign: 20_000 },
  /** Cases of the kill -9 campaign on the drivers that are fast: cloud doubles and fake. */
  chaosKills: { ci: 60, campaign: 500 },
  /** The same on real VMs (qemu and generic together). */
  chaosVmKills: { ci: 4, campaign: 30 },
  /** Kills of QEMU while a container writes; one more is at a chosen moment. */
  diskPowerCuts: { ci: 4, campaign: 99 },
  /** Failures of the file system, spread over all operations of all write paths: more than there are means all. */
  storeFaults: { ci: 60, campaign: 100_000 },
  /** Power cuts, spread over all operations of all write paths: more than there are means all. */
  storePower: { ci: 30, campaign: 100_000 },
  /** Processes on one store at once: creates. */
  storeCreates: { ci: 8, campaign: 50 },
  /** Readers beside them. */
  storeReaders: { ci: 30, campaign: 200 },
  /** Removals beside them. */
  storeRemovals: { ci: 4, campaign: 20 },
  /** Cuts, stalls and delays of the connections that provisioning uses. */
  networkFaults: { ci: 8, campaign: 200 },
  /** Machines that are made over a line of five seconds for a round trip: two minutes each. */
  slowLines: { ci: 0, campaign: 1 },
  /** Connections to an engine that is restarted while it is asked. */
  engineCuts: { ci: 16, campaign: 3_000 },
  /** Answers of each cloud's API that are lost or damaged. */
  apiFaults: { ci: 4, campaign: 200 },
  /** Shells of hosts whose waits cannot be hurried. */
  slowTools: { ci: 0, campaign: 1 },
} as const

export type SizeName = keyof typeof SIZES

/** The count of one row for this run. */
export function size(name: SizeName): number {
  return SIZES[name][process.env['TSMACHINE_SIZES'] === 'campaign' ? 'campaign' : 'ci']
}
