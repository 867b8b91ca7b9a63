package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"

	"godouble/protocol"
)

// Service is what a host calls: each method goes to the driver, by way of the journal and the script.
type Service struct {
	driver  *Driver
	journal *journal
	wire    *wire
	closed  chan bool
	beats   chan bool

	// What calls that run beside others may know of the driver.
	mutex    sync.Mutex
	machine  string
	provider string
}

type empty = struct{}

// call notes the call, does what is scripted before it, the call itself, and what is scripted after it.
func (s *Service) call(method string, work func() error) error {
	machine, provider := s.identity()
	s.journal.called(method, machine, provider)
	due := rulesFor(provider).at(method, machine, s.journal)
	if err := s.act(at(due, "")); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	return s.act(at(due, "after"))
}

func at(due []rule, when string) []rule {
	var chosen []rule
	for _, rule := range due {
		if rule.When == when {
			chosen = append(chosen, rule)
		}
	}
	return chosen
}

func (s *Service) GetVersion(_ *empty, reply *int) error {
	return s.call("GetVersion", func() error {
		*reply = protocol.Version
		_, provider := s.identity()
		for _, rule := range rulesFor(provider) {
			if rule.Do == "version" {
				*reply = rule.Status
			}
		}
		return nil
	})
}

func (s *Service) Heartbeat(_, _ *empty) error {
	return s.call("Heartbeat", func() error { s.beats <- true; return nil })
}

func (s *Service) Close(_, _ *empty) error {
	return s.call("Close", func() error { s.closed <- true; return nil })
}

func (s *Service) GetCreateFlags(_ *empty, reply *[]protocol.Flag) error {
	return s.call("GetCreateFlags", func() error { *reply = s.driver.createFlags(); return nil })
}

// SetConfigRaw merges: a key that is absent keeps the value that it has.
func (s *Service) SetConfigRaw(data []byte, _ *empty) error {
	return s.call("SetConfigRaw", func() error {
		defer s.identify()
		if os.Getenv("GODOUBLE_FORGETS") != "" {
			s.driver.found = nil
		}
		return json.Unmarshal(data, s.driver)
	})
}

func (s *Service) GetConfigRaw(_ *empty, reply *[]byte) error {
	return s.call("GetConfigRaw", func() (err error) { *reply, err = json.Marshal(s.driver); return err })
}

func (s *Service) SetConfigFromFlags(flags *protocol.DriverOptions, _ *empty) error {
	return s.call("SetConfigFromFlags", func() error {
		defer s.identify()
		return s.driver.setFromFlags(*flags)
	})
}

func (s *Service) DriverName(_ *empty, reply *string) error {
	return s.call("DriverName", func() error { *reply = s.driver.name; return nil })
}

func (s *Service) GetMachineName(_ *empty, reply *string) error {
	return s.call("GetMachineName", func() error { *reply = s.driver.MachineName; return nil })
}

func (s *Service) GetIP(_ *empty, reply *string) error {
	return s.call("GetIP", func() (err error) { *reply, err = s.driver.ip(); return err })
}

func (s *Service) GetSSHHostname(_ *empty, reply *string) error {
	return s.call("GetSSHHostname", func() (err error) { *reply, err = s.driver.ip(); return err })
}

func (s *Service) GetSSHKeyPath(_ *empty, reply *string) error {
	return s.call("GetSSHKeyPath", func() error { *reply = s.driver.keyPath(); return nil })
}

func (s *Service) GetSSHPort(_ *empty, reply *int) error {
	return s.call("GetSSHPort", func() error { *reply = s.driver.sshPort(); return nil })
}

func (s *Service) GetSSHUsername(_ *empty, reply *string) error {
	return s.call("GetSSHUsername", func() error { *reply = s.driver.sshUser(); return nil })
}

func (s *Service) GetURL(_ *empty, reply *string) error {
	return s.call("GetURL", func() (err error) { *reply, err = s.driver.url(); return err })
}

func (s *Service) GetState(_ *empty, reply *protocol.State) error {
	return s.call("GetState", func() (err error) { *reply, err = s.driver.state(); return err })
}

func (s *Service) PreCreateCheck(_, _ *empty) error {
	return s.call("PreCreateCheck", s.driver.preCreateCheck)
}

// Create is the only method whose panic is an answer, and only if an error was what it panicked with.
func (s *Service) Create(_, _ *empty) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("Panic in the driver: %s\n%s", reason.(error), stack())
		}
	}()
	return s.call("Create", s.driver.create)
}

func (s *Service) Remove(_, _ *empty) error  { return s.call("Remove", s.driver.remove) }
func (s *Service) Start(_, _ *empty) error   { return s.call("Start", s.driver.start) }
func (s *Service) Stop(_, _ *empty) error    { return s.call("Stop", s.driver.stop) }
func (s *Service) Restart(_, _ *empty) error { return s.call("Restart", s.driver.restart) }
func (s *Service) Kill(_, _ *empty) error    { return s.call("Kill", s.driver.kill) }

// identify notes which machine is served, and at which provider.
func (s *Service) identify() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.machine, s.provider = s.driver.MachineName, s.driver.provider()
}

func (s *Service) identity() (machine, provider string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.machine, s.provider
}

func stack() []byte {
	text := make([]byte, 4096)
	return text[:runtime.Stack(text, false)]
}
