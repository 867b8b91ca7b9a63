// Package protocol has what docker-machine's driver plugins and their hosts both know: names, flags and option values
// as they travel over net/rpc.
package protocol

import "encoding/gob"

// The environment that a host gives to a plugin.
const (
	TokenVariable  = "MACHINE_PLUGIN_TOKEN"
	Token          = "42"
	DriverVariable = "MACHINE_PLUGIN_DRIVER_NAME"
)

// Version is the only API version that there ever was.
const Version = 1

// Service is the name of the net/rpc service; OldService is what it was called at first.
const (
	Service    = "RPCServerDriver"
	OldService = "RpcServerDriver"
)

// NotRunning is the only error text with a meaning.
const NotRunning = "Host is not running"

// State is what GetState answers.
type State int

// The states, in the order of their numbers.
const (
	None State = iota
	Running
	Paused
	Saved
	Stopped
	Stopping
	Starting
	Error
	Timeout
)

// States has the name of each state by its number.
var States = []string{"None", "Running", "Paused", "Saved", "Stopped", "Stopping", "Starting", "Error", "Timeout"}

// ByName is the state of that name; None for one that is not known.
func ByName(name string) State {
	for number, known := range States {
		if known == name {
			return State(number)
		}
	}
	return None
}

func init() {
	gob.RegisterName("*rpcdriver.RPCFlags", new(RPCFlags))
	gob.RegisterName("*mcnflag.StringFlag", new(StringFlag))
	gob.RegisterName("*mcnflag.IntFlag", new(IntFlag))
	gob.RegisterName("*mcnflag.StringSliceFlag", new(StringSliceFlag))
	gob.RegisterName("*mcnflag.BoolFlag", new(BoolFlag))
}
