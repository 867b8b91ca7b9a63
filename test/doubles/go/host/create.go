package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"godouble/protocol"
)

// create does what docker-machine does: another process tells the flags and lives until the end.
func create(c *client, s settings, words []string) error {
	lookup := s
	lookup.machine = "flag-lookup"
	teller, err := open(lookup, baseState(lookup.machine, ""))
	if err != nil {
		return err
	}
	defer teller.close()
	flags, err := teller.flags()
	if err != nil {
		return err
	}
	values, err := flagValues(flags, words)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.store, "machines", s.machine), 0o700); err != nil {
		return err
	}
	return makeMachine(c, s, values)
}

func makeMachine(c *client, s settings, values map[string]interface{}) error {
	if _, err := c.text("DriverName"); err != nil {
		return err
	}
	if _, err := c.flags(); err != nil {
		return err
	}
	var options protocol.DriverOptions = &protocol.RPCFlags{Values: values}
	if err := c.call("SetConfigFromFlags", &options, nil); err != nil {
		return err
	}
	if _, err := c.act("PreCreateCheck"); err != nil {
		return err
	}
	if err := save(c, s); err != nil {
		return err
	}
	if _, err := c.act("Create"); err != nil {
		return err
	}
	if err := save(c, s); err != nil {
		return err
	}
	return untilRunning(c)
}

func untilRunning(c *client) error {
	for tries := 0; tries < 60; tries++ {
		if state, err := c.state(); err == nil && state == "Running" {
			return nil
		}
		time.Sleep(time.Second)
	}
	return fmt.Errorf("it did not run within a minute")
}

// flagValues has the value of every flag of the driver, and the shared ones that docker-machine always sends.
func flagValues(flags []protocol.Flag, words []string) (map[string]interface{}, error) {
	values := map[string]interface{}{
		"driver": "", "engine-install-url": "https://get.docker.com", "engine-storage-driver": "",
		"swarm": false, "swarm-master": false, "swarm-discovery": "", "swarm-addr": "",
		"swarm-host": "tcp://0.0.0.0:3376", "swarm-image": "swarm:latest", "swarm-strategy": "spread",
		"swarm-experimental": false,
	}
	for _, flag := range flags {
		given := valuesOf(words, flag)
		value, err := flagValue(flag, given)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", flag.Long(), err)
		}
		values[flag.Long()] = value
	}
	return values, nil
}

// valuesOf is what the command line says, else the environment.
func valuesOf(words []string, flag protocol.Flag) []string {
	found := []string{}
	for _, word := range words {
		if name, value, _ := strings.Cut(strings.TrimLeft(word, "-"), "="); name == flag.Long() {
			found = append(found, value)
		}
	}
	if value := os.Getenv(flag.Variable()); value != "" && len(found) == 0 {
		return strings.Split(value, ",")
	}
	return found
}

// flagValue is the last given value, or all of them where a flag takes several, or the default.
func flagValue(flag protocol.Flag, given []string) (interface{}, error) {
	if len(given) == 0 {
		if _, isBool := flag.(*protocol.BoolFlag); isBool {
			return false, nil
		}
		return flag.Preset(), nil
	}
	last := given[len(given)-1]
	switch flag.(type) {
	case *protocol.IntFlag:
		return strconv.Atoi(last)
	case *protocol.BoolFlag:
		return strconv.ParseBool(last)
	case *protocol.StringSliceFlag:
		return given, nil
	}
	return last, nil
}
