package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"godouble/protocol"
)

// Base has the fields that all drivers of docker-machine share.
type Base struct {
	IPAddress      string
	MachineName    string
	SSHUser        string
	SSHPort        int
	SSHKeyPath     string
	StorePath      string
	SwarmMaster    bool
	SwarmHost      string
	SwarmDiscovery string
}

// Network is a nested object of the state.
type Network struct {
	Name    string
	Private bool
	Subnets []Subnet
}

// Subnet is one range of a network.
type Subnet struct {
	Range   string
	Gateway *string
}

// Driver is a machine's state, which goes to the host as JSON and comes back with the next process.
type Driver struct {
	*Base
	ProviderFile   string
	ApiToken       string
	ServerID       string
	Serial         int64
	Size           string
	Cpus           int
	EnginePort     int
	Tags           []string
	Labels         map[string]string
	Network        Network
	Address        string
	SSHKey         string
	AuthorizedKeys string
	PrivateAddress string `json:",omitempty"`
	// Boots counts starts after the first: a state that changes in a verb.
	Boots int `json:",omitempty"`

	name string
	// found is the server that was looked up first. As in many drivers it is never forgotten: a process serves one machine.
	// With GODOUBLE_FORGETS it is, whenever there is a new state.
	found *server
}

// newDriver has the values that hold where a host's JSON says nothing.
func newDriver(name string) *Driver {
	return &Driver{Base: &Base{SSHUser: "root", SSHPort: 22}, Size: "small", Cpus: 2, EnginePort: 2376, name: name}
}

// provider is the file of the account: the machine's own, or the one of the environment.
func (d *Driver) provider() string {
	if d.ProviderFile != "" {
		return d.ProviderFile
	}
	return os.Getenv(providerVariable)
}

func (d *Driver) keyPath() string {
	if d.SSHKeyPath == "" {
		d.SSHKeyPath = d.inStore("id_rsa")
	}
	return d.SSHKeyPath
}

func (d *Driver) inStore(file string) string {
	return filepath.Join(d.StorePath, "machines", d.MachineName, file)
}

func (d *Driver) sshPort() int {
	if d.SSHPort == 0 {
		d.SSHPort = 22
	}
	return d.SSHPort
}

func (d *Driver) sshUser() string {
	if d.SSHUser == "" {
		d.SSHUser = "root"
	}
	return d.SSHUser
}

// lookUp asks the provider for this machine's server, the first time by its id.
func (d *Driver) lookUp() (*server, error) {
	if d.found == nil && d.ServerID == "" {
		return nil, errors.New("the server was not made yet")
	}
	id := d.ServerID
	if d.found != nil {
		id = d.found.ID
	}
	fresh, err := d.account().server(id)
	if err != nil {
		return nil, err
	}
	d.found = fresh
	return fresh, nil
}

func (d *Driver) state() (protocol.State, error) {
	server, err := d.lookUp()
	if err != nil {
		return protocol.Error, err
	}
	return protocol.ByName(server.State), nil
}

func (d *Driver) ip() (string, error) {
	if d.found == nil {
		if _, err := d.lookUp(); err != nil {
			return "", err
		}
	}
	if d.found.Address == "" {
		return "", errors.New("IP address is not set")
	}
	return d.found.Address, nil
}

func (d *Driver) url() (string, error) {
	state, err := d.state()
	if err != nil {
		return "", err
	}
	if state != protocol.Running {
		return "", errors.New(protocol.NotRunning)
	}
	ip, err := d.ip()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("tcp://%s", net.JoinHostPort(ip, strconv.Itoa(d.EnginePort))), nil
}
