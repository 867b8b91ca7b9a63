package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"godouble/protocol"
)

// verbs are what the command line may ask for, with the words that belong to it.
var verbs = map[string]func(*client, settings, []string) (interface{}, error){
	"name":       func(c *client, _ settings, _ []string) (interface{}, error) { return c.text("DriverName") },
	"flags":      func(c *client, _ settings, _ []string) (interface{}, error) { return shownFlags(c) },
	"state":      func(c *client, _ settings, _ []string) (interface{}, error) { return c.state() },
	"ip":         func(c *client, _ settings, _ []string) (interface{}, error) { return c.text("GetIP") },
	"url":        func(c *client, _ settings, _ []string) (interface{}, error) { return c.text("GetURL") },
	"ssh":        func(c *client, _ settings, _ []string) (interface{}, error) { return login(c) },
	"check":      func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("PreCreateCheck") },
	"start":      func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("Start") },
	"stop":       func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("Stop") },
	"restart":    func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("Restart") },
	"kill":       func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("Kill") },
	"remove":     func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("Remove") },
	"unknown":    func(c *client, _ settings, _ []string) (interface{}, error) { return c.act("Upgrade") },
	"config":     func(c *client, _ settings, _ []string) (interface{}, error) { return shownConfig(c) },
	"create":     func(c *client, s settings, words []string) (interface{}, error) { return nil, create(c, s, words) },
	"concurrent": func(c *client, _ settings, _ []string) (interface{}, error) { return concurrent(c) },
	"wait":       func(*client, settings, []string) (interface{}, error) { time.Sleep(12 * time.Second); return nil, nil },
	"die":        func(*client, settings, []string) (interface{}, error) { os.Exit(9); return nil, nil },
}

func verbNames() string {
	names := []string{}
	for name := range verbs {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

// perform runs the verbs with one plugin process, and keeps the state that they leave behind.
func perform(s settings, words []string) int {
	c, err := open(s, initialState(s))
	if err != nil {
		report("open", nil, err)
		return 1
	}
	ok := runAll(c, s, words)
	if _, err := os.Stat(s.state); err == nil {
		ok = save(c, s) == nil && ok
	}
	c.close()
	if ok {
		return 0
	}
	return 1
}

// runAll goes on after a verb that fails; one that it does not know is the end.
func runAll(c *client, s settings, words []string) bool {
	ok := true
	for len(words) > 0 {
		verb := words[0]
		work, known := verbs[verb]
		if !known {
			return report(verb, nil, fmt.Errorf("there is no such verb; there are %s", verbNames()))
		}
		rest := words[1:]
		for len(rest) > 0 && strings.Contains(rest[0], "=") {
			rest = rest[1:]
		}
		value, err := work(c, s, words[1:len(words)-len(rest)])
		ok = report(verb, value, err) && ok
		words = rest
	}
	return ok
}

// initialState is what was kept, or what docker-machine gives to a driver whose machine is yet to be made.
func initialState(s settings) []byte {
	if text, err := os.ReadFile(s.state); err == nil {
		return text
	}
	return baseState(s.machine, s.store)
}

func baseState(machine, store string) []byte {
	text, _ := json.Marshal(map[string]interface{}{
		"IPAddress": "", "MachineName": machine, "SSHUser": "", "SSHPort": 0, "SSHKeyPath": "", "StorePath": store,
		"SwarmMaster": false, "SwarmHost": "", "SwarmDiscovery": "",
	})
	return text
}

func save(c *client, s settings) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.state), 0o700); err != nil {
		return err
	}
	return os.WriteFile(s.state, config, 0o600)
}

func shownConfig(c *client) (interface{}, error) {
	config, err := c.config()
	return json.RawMessage(config), err
}

// shownFlags has the kind of each flag beside it.
func shownFlags(c *client) (interface{}, error) {
	flags, err := c.flags()
	shown := []result{}
	for _, flag := range flags {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", flag), "*protocol.")
		shown = append(shown, result{"kind": kind, "flag": flag})
	}
	return shown, err
}

// login is what docker-machine asks for before each SSH command.
func login(c *client) (interface{}, error) {
	host, err := c.text("GetSSHHostname")
	if err != nil {
		return nil, err
	}
	var port int
	if err := c.call("GetSSHPort", empty{}, &port); err != nil {
		return nil, err
	}
	key, err := c.text("GetSSHKeyPath")
	if err != nil {
		return nil, err
	}
	user, err := c.text("GetSSHUsername")
	return result{"host": host, "port": port, "key": key, "user": user}, err
}

// concurrent has many calls under way beside a slow one, and says whether they had to wait for it.
func concurrent(c *client) (interface{}, error) {
	slow := make(chan error, 1)
	go func() {
		var state protocol.State
		slow <- c.call("GetState", empty{}, &state)
	}()
	names := manyNames(c)
	waited := len(slow) > 0
	return result{"names": names, "waited": waited}, <-slow
}

func manyNames(c *client) []string {
	var group sync.WaitGroup
	names := make([]string, 50)
	for number := range names {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			names[number], _ = c.text([]string{"DriverName", "GetMachineName", "GetIP"}[number%3])
		}(number)
	}
	group.Wait()
	return names
}
