/** EC2 refuses groups of the instance beside a network interface, also where a launch template names them. */
import t, { type Test } from 'tap'
import type { Instance, RequestLaunchTemplateData } from '@aws-sdk/client-ec2'
import type { FlagValues } from '../../../../src/contracts/driver.js'
import { Ec2Trial } from '../../../helpers/ec2-trial.js'

t.setTimeout(120_000)

/** An account with the group `mine` and a template of these settings. */
async function withTemplate(
  t: Test,
  flags: FlagValues,
  data: (mine: string) => RequestLaunchTemplateData,
): Promise<Ec2Trial> {
  const trial = await Ec2Trial.start(t, { 'amazonec2-launch-template': 'runners', ...flags })
  const region = trial.double.account.region('us-east-1')
  const { GroupId = '' } = region?.addGroup([...region.vpcs.keys()][0] ?? '', 'mine', 'his own', []) ?? {}
  region?.templates.set('lt-0123456789abcdef0', {
    about: {
      LaunchTemplateId: 'lt-0123456789abcdef0',
      LaunchTemplateName: 'runners',
      DefaultVersionNumber: 1,
    },
    versions: [data(GroupId)],
  })
  return trial
}

function instance(trial: Ec2Trial): Instance | undefined {
  return [...(trial.double.account.region('us-east-1')?.machines.values() ?? [])][0]?.instance
}

const CASES: readonly (readonly [string, (mine: string) => RequestLaunchTemplateData])[] = [
  ['by id', (mine) => ({ SecurityGroupIds: [mine] })],
  ['by name', () => ({ SecurityGroups: ['mine'] })],
  ['of its interface', (mine) => ({ NetworkInterfaces: [{ DeviceIndex: 0, Groups: [mine] }] })],
]

for (const useFleet of [false, true])
  for (const [how, groups] of CASES)
    t.test(`${useFleet ? 'a fleet' : 'RunInstances'}: groups that a template names ${how}`, async (t) => {
      const trial = await withTemplate(t, { 'amazonec2-use-fleet': useFleet }, (mine) => ({
        ...groups(mine),
        InstanceInitiatedShutdownBehavior: 'terminate',
        BlockDeviceMappings: [
          { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 99 } },
          { DeviceName: '/dev/sdf', Ebs: { VolumeSize: 5, DeleteOnTermination: true } },
        ],
        TagSpecifications: [
          {
            ResourceType: 'instance',
            Tags: [
              { Key: 'Name', Value: 'theirs' },
              { Key: 'team', Value: 'ci' },
            ],
          },
        ],
      }))
      t.strictSame(await trial.preflight(), [])
      await trial.create()
      const made = instance(trial)
      t.match(made?.SecurityGroups, [{ GroupName: 'mine' }, { GroupName: /^tsmachine-/ }])
      const tags = new Map((made?.Tags ?? []).map(({ Key, Value }) => [Key, Value]))
      for (const [key, value] of [
        ['Name', 'ma1a1'],
        ['team', 'ci'],
        ['tsmachine-id', trial.id],
      ] as const)
        t.equal(tags.get(key), value)
      const sizes = [...(trial.double.account.region('us-east-1')?.volumes.values() ?? [])].map(
        ({ Size }) => Size,
      )
      if (useFleet) t.strictSame(sizes.toSorted(), [16, 5], 'its further disks, and ours')
      await trial.remove()
      t.match(trial.double.inventory(), [/\(mine\)$/, /launch template lt-0123456789abcdef0$/])
    })

t.test('a template that is not there is told before anything is made', async (t) => {
  const trial = await Ec2Trial.start(t, { 'amazonec2-launch-template': 'nobodys' })
  t.match(await trial.preflight(), [{ message: /template name nobodys, does not exist/ }])
})
