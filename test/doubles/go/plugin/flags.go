package main

import (
	"strings"

	"godouble/protocol"
)

const providerVariable = "GODOUBLE_PROVIDER"

// createFlags has flags of all kinds, with defaults and variables; their names begin with the driver's.
func (d *Driver) createFlags() []protocol.Flag {
	return []protocol.Flag{
		d.text("provider", "JSON file that is the provider's account", providerVariable, ""),
		d.text("token", "API token of the account", "GODOUBLE_TOKEN", ""),
		d.text("size", "Size of the server", "GODOUBLE_SIZE", "small"),
		d.text("address", "Address of a server with SSH that exists", "", ""),
		d.text("ssh-user", "User to log in as", "", "root"),
		d.text("ssh-key", "Private key that logs in; a new one is made where none is given", "", ""),
		d.text("authorized-keys", "File that a new key's public half is added to", "", ""),
		d.number("ssh-port", "Port of SSH", "", 22),
		d.number("engine-port", "Port of the engine", "", 2376),
		d.number("cpus", "Number of processors", "GODOUBLE_CPUS", 2),
		d.list("tag", "Tag of the server", "GODOUBLE_TAG", nil),
		d.list("label", "Label of the server, KEY=VALUE", "", []string{"made-by=double"}),
		protocol.BoolFlag{Name: d.flag("private"), Usage: "Give it a private address too", EnvVar: "GODOUBLE_PRIVATE"},
	}
}

func (d *Driver) flag(name string) string { return d.name + "-" + name }

func (d *Driver) text(name, usage, variable, preset string) protocol.Flag {
	return protocol.StringFlag{Name: d.flag(name), Usage: usage, EnvVar: variable, Value: preset}
}

func (d *Driver) number(name, usage, variable string, preset int) protocol.Flag {
	return protocol.IntFlag{Name: d.flag(name), Usage: usage, EnvVar: variable, Value: preset}
}

func (d *Driver) list(name, usage, variable string, preset []string) protocol.Flag {
	return protocol.StringSliceFlag{Name: d.flag(name), Usage: usage, EnvVar: variable, Value: preset}
}

func (d *Driver) setFromFlags(flags protocol.DriverOptions) error {
	d.ProviderFile = flags.String(d.flag("provider"))
	d.ApiToken = flags.String(d.flag("token"))
	d.Size = flags.String(d.flag("size"))
	d.Address = flags.String(d.flag("address"))
	d.SSHUser = flags.String(d.flag("ssh-user"))
	d.SSHKey = flags.String(d.flag("ssh-key"))
	d.AuthorizedKeys = flags.String(d.flag("authorized-keys"))
	d.SSHPort = flags.Int(d.flag("ssh-port"))
	d.EnginePort = flags.Int(d.flag("engine-port"))
	d.Cpus = flags.Int(d.flag("cpus"))
	d.Tags = flags.StringSlice(d.flag("tag"))
	d.Labels = labels(flags.StringSlice(d.flag("label")))
	d.Network = Network{Name: "net-" + d.MachineName, Private: flags.Bool(d.flag("private"))}
	d.SwarmMaster = flags.Bool("swarm-master")
	d.SwarmHost = flags.String("swarm-host")
	d.SwarmDiscovery = flags.String("swarm-discovery")
	return nil
}

func labels(words []string) map[string]string {
	found := map[string]string{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		found[name] = value
	}
	return found
}
