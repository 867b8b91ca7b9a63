import t from 'tap'
import type { Facts } from '../../../src/contracts/provision.js'
import { apply } from '../../../provision/apply.js'
import { collectFacts } from '../../../provision/facts.js'
import { firewallFacts } from '../../../provision/firewall-facts.js'
import { firewallSteps } from '../../../provision/plans/firewall.js'
import { plan } from '../../../provision/plan.js'
import { ALL_TOOLS, fakeHost } from '../../helpers/fake-host.js'
import { DEBIAN_ENGINE, debianFacts, imageFacts, outline, wanted } from '../../helpers/provision-input.js'

type Raw = Parameters<typeof firewallFacts>[0]

/** What is done for a port on a host with these firewall facts. */
function steps(raw: Raw, more: Partial<Facts> = {}, port = 2376): string[] {
  const firewall = firewallFacts(raw)
  const facts = debianFacts({ ...(firewall ? { firewall } : {}), ...more })
  return outline({ steps: firewallSteps(facts, port), engine: { source: 'host', port }, warnings: [] })
}

const NFT = `chain inet filter input \t\ttype filter hook input priority filter; policy drop;
rule \t\tiifname "lo" accept
rule \t\tct state established,related accept
rule \t\ttcp dport 22 accept
`
const OPENED = [
  'file /etc/tsmachine/firewall',
  'sh @lib/open-port.sh install',
  'file /etc/systemd/system/tsmachine-firewall.service',
  'systemctl enable tsmachine-firewall.service',
]

t.test('an active firewall manager is told by its own means, once', async (t) => {
  const zone = '<port protocol="tcp" port="8080"/>'
  t.same(steps({ firewalld: 'yes', firewalld_ports: zone }), ['sh @lib/firewalld.sh 2376 10.0.0.5'])
  t.same(steps({ firewalld: 'yes', firewalld_ports: `${zone}\n<port port="2000-3000" protocol="tcp"/>` }), [])
  t.same(steps({ ufw: 'yes' }), ['ufw allow 2376/tcp'])
  t.same(steps({ ufw: 'yes', ufw_rules: '### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in' }), [
    'ufw allow 2376/tcp',
  ])
  for (const rule of [
    'allow tcp 2376 0.0.0.0/0 any 0.0.0.0/0 in',
    'limit any 22,2000:2400 ::/0 any 10.0.0.0/8 in',
  ])
    t.same(steps({ ufw: 'yes', ufw_rules: `### tuple ### ${rule}` }), [], rule)
  t.same(steps({ ufw: 'no' }), [])
})

t.test('plain rules that would refuse the port get one of ours, which comes back after a boot', async (t) => {
  t.same(steps({ nft_input: NFT }), OPENED)
  t.same(steps({ nft_input: NFT }, { init: 'openrc' }).slice(-2), [
    'file /etc/init.d/tsmachine-firewall',
    'rc-update add tsmachine-firewall default',
  ])
  const rejecting =
    '-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited'
  t.same(steps({ iptables_input: rejecting }), OPENED)
  t.same(steps({ iptables_input: '-P INPUT DROP' }), OPENED)
  const both = firewallSteps(
    debianFacts({
      firewall: firewallFacts({ iptables_input: '-P INPUT DROP', nft_input: NFT }),
    }),
    23760,
  )
  t.match(both[0], { content: 'iptables 23760 INPUT\nnft 23760 inet filter input\n' })
})

t.test('rules that let the port in, or that somebody made for it, are left alone', async (t) => {
  const open: Raw[] = [
    {},
    { iptables_input: '-P INPUT ACCEPT' },
    { iptables_input: '-P INPUT DROP\n-A INPUT -j ACCEPT\n-A INPUT -j DROP' },
    {
      iptables_input: '-P INPUT DROP\n-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 22,2376 -j ACCEPT',
    },
    { iptables_input: '-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 2376 -j DROP' },
    { nft_input: NFT.replace('dport 22', 'dport { 22, 2000-3000 }') },
    { nft_input: NFT.replace('policy drop', 'policy accept') },
    { nft_input: NFT.replace('inet', 'ip6') },
    { nft_input: NFT.replace('type filter', 'type nat') },
    { nft_input: NFT.replace('inet filter input', 'ip filter INPUT') },
    { nft_input: NFT.replace('inet filter input', 'inet $(id) input') },
  ]
  for (const raw of open) t.same(steps(raw), [], JSON.stringify(raw))
  const closed: Raw[] = [
    { nft_input: `${NFT.replace('policy drop', 'policy accept')}rule counter log prefix "no " drop` },
    { nft_input: `${NFT.replace('policy drop', 'policy accept')}rule reject with icmpx port-unreachable` },
    { nft_input: NFT.replace('dport 22', 'dport != 2376') },
    { nft_input: NFT.replace('dport 22', 'sport 2376') },
  ]
  for (const raw of closed) t.same(steps(raw), OPENED, JSON.stringify(raw))
})

t.test('only a host that is not of our making has its firewall changed', async (t) => {
  const firewall = { name: 'ufw', ports: [] } as const
  const opened = (facts: Facts, more = {}): boolean =>
    outline(plan(facts, wanted(more))).includes('ufw allow 2376/tcp')
  t.equal(opened(debianFacts({ firewall, engine: DEBIAN_ENGINE })), true)
  t.equal(opened(debianFacts({ firewall })), true)
  t.equal(opened(imageFacts({ firewall })), false)
  t.equal(opened(debianFacts({ firewall, engine: DEBIAN_ENGINE }), { certificatesOnly: true }), false)
})

for (const tools of ALL_TOOLS) {
  t.test(`${tools}: rules are read from the host, and ours is put in once`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    on.put('run/systemd/system/x', '')
    on.put('proc/modules', 'nf_tables 4096 0 - Live 0x0\n')
    on.fake('iptables', "case $* in '-S INPUT') echo '-P INPUT DROP';; *' -C '*) exit 1;; esac")
    on.fake(
      'nft',
      `case $1 in list) [ "$2" = chain ] || cat;; -s) cat <<'END'
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
}
table inet fw {
	set allowed {
		type ipv4_addr
	}
	chain output {
		type filter hook output priority filter; policy accept;
		tcp dport 25 drop
	}
	chain in {
		type filter hook input priority 0; policy accept;
		tcp dport 22 accept
		drop
	}
}
END
esac`,
    )
    const facts = await collectFacts(on.shell, undefined, on.root)
    t.same(facts.firewall, {
      name: 'packet filter',
      chains: [
        { tool: 'iptables', place: ['INPUT'], policy: 'drop', rules: [] },
        {
          tool: 'nft',
          place: ['inet', 'fw', 'in'],
          policy: 'accept',
          rules: ['tcp dport 22 accept', 'drop'],
        },
      ],
    })
    t.equal(facts.hostAddress, '10.0.0.5')
    const made = firewallSteps(facts, 2376)
    await apply(
      on.shell,
      { steps: made, engine: { source: 'host', port: 2376 }, warnings: [] },
      { facts, root: on.root },
    )
    t.same(
      on.calls().filter((call) => / -I | insert /.test(call)),
      [
        'iptables -w -I INPUT -p tcp --dport 2376 -j ACCEPT',
        'nft insert rule inet fw in tcp dport 2376 accept',
      ],
    )
    t.ok(on.has('etc/tsmachine/open-port.sh'))
    on.fake('iptables')
    on.fake('nft', '[ "$1" = list ] && echo "tcp dport 2376 accept"')
    await apply(
      on.shell,
      { steps: made, engine: { source: 'host', port: 2376 }, warnings: [] },
      { facts, root: on.root },
    )
    t.equal(on.calls().filter((call) => / -I | insert /.test(call)).length, 2, 'not a second time')
  })

  t.test(`${tools}: firewalld opens the port in the zone that we come in by`, async (t) => {
    const on = fakeHost(tools)
    t.teardown(() => on.remove())
    on.fake('ip', 'echo "1: lo    inet 127.0.0.1/8"; echo "2: eth1    inet 10.0.0.5/24 brd 10.0.0.255"')
    on.fake(
      'firewall-cmd', // busybox's shell runs its own ip, which does not know the address.
      tools === 'dash'
        ? 'case $1 in --get-zone-of-interface=eth1) echo internal;; esac'
        : 'case $1 in --get-default-zone) echo internal;; esac',
    )
    const facts = debianFacts({ firewall: { name: 'firewalld', ports: [] }, sudo: 'root' })
    const made = {
      steps: firewallSteps(facts, 2376),
      engine: { source: 'host', port: 2376 } as const,
      warnings: [],
    }
    await apply(on.shell, made, { facts, root: on.root })
    t.same(
      on.calls().filter((call) => call.includes('add-port')),
      [
        'firewall-cmd --zone=internal --add-port=2376/tcp',
        'firewall-cmd --permanent --zone=internal --add-port=2376/tcp',
      ],
    )
  })
}
