package main

import (
	"fmt"
	"net/rpc"
	"time"

	"godouble/protocol"
)

const heartbeatEvery = 5 * time.Second

// client is a connection to a plugin that serves one machine.
type client struct {
	process *process
	rpc     *rpc.Client
	service string
	ended   chan bool
}

type empty = struct{}

// open starts a plugin, checks its version, keeps it alive, and gives it a machine's state.
func open(s settings, state []byte) (*client, error) {
	process, err := startPlugin(s.driver)
	if err != nil {
		return nil, err
	}
	connection, err := rpc.DialHTTP("tcp", process.address)
	if err != nil {
		return nil, err
	}
	c := &client{process: process, rpc: connection, service: protocol.Service, ended: make(chan bool)}
	if err := c.checkVersion(); err != nil {
		return nil, err
	}
	if !s.silent {
		go c.beat()
	}
	if err := c.call("SetConfigRaw", state, nil); err != nil {
		return nil, err
	}
	_, err = c.text("GetMachineName")
	return c, err
}

// checkVersion tries the old name of the service where the new one is not known.
func (c *client) checkVersion() error {
	var version int
	if err := c.call("GetVersion", empty{}, &version); err != nil {
		c.service = protocol.OldService
		if err := c.call("GetVersion", empty{}, &version); err != nil {
			return err
		}
	}
	if version != protocol.Version {
		return fmt.Errorf("Driver binary uses an incompatible API version (%d)", version)
	}
	return nil
}

func (c *client) beat() {
	for {
		select {
		case <-c.ended:
			return
		case <-time.After(heartbeatEvery):
			if err := c.call("Heartbeat", empty{}, nil); err != nil {
				show(result{"heartbeat": err.Error()})
				return
			}
		}
	}
}

func (c *client) call(method string, argument, reply interface{}) error {
	return c.rpc.Call(c.service+"."+method, argument, reply)
}

// act calls a method that takes and gives nothing.
func (c *client) act(method string) (interface{}, error) {
	return nil, c.call(method, empty{}, nil)
}

func (c *client) text(method string) (string, error) {
	var text string
	err := c.call(method, empty{}, &text)
	return text, err
}

func (c *client) state() (string, error) {
	var state protocol.State
	if err := c.call("GetState", empty{}, &state); err != nil {
		return "", err
	}
	if int(state) >= len(protocol.States) {
		return "", fmt.Errorf("state %d", state)
	}
	return protocol.States[state], nil
}

func (c *client) flags() ([]protocol.Flag, error) {
	var flags []protocol.Flag
	err := c.call("GetCreateFlags", empty{}, &flags)
	return flags, err
}

func (c *client) config() ([]byte, error) {
	var config []byte
	err := c.call("GetConfigRaw", empty{}, &config)
	return config, err
}

// close asks the plugin to end, and waits until it did. Its answer may be lost.
func (c *client) close() {
	close(c.ended)
	if err := c.call("Close", empty{}, nil); err != nil {
		show(result{"verb": "close", "error": err.Error()})
	}
	c.process.wait()
}
