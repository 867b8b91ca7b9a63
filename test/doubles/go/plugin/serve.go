package main

import (
	"fmt"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"time"

	"godouble/protocol"
)

// A plugin whose host is silent for this long ends.
const heartbeatLimit = 10 * time.Second

// serve answers calls until Close, or until no heartbeat came for too long.
func serve(name string) {
	journal := newJournal(os.Getenv(providerVariable))
	journal.started()
	os.Setenv("MACHINE_DEBUG", "1")
	driver := newDriver(name)
	wire := newWire()
	service := &Service{
		driver: driver, journal: journal, wire: wire,
		closed: make(chan bool), beats: make(chan bool),
	}
	service.identify()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintf(os.Stderr, "Error loading RPC server: %s\n", err)
		journal.exit(1, "no listener")
	}
	rules := rulesFor(os.Getenv(providerVariable))
	service.act(rules.at("start", "", journal))
	go http.Serve(wire.track(listener), register(service, rules))
	announce(listener.Addr().String(), rules.at("address", "", journal))
	await(service)
}

// register offers the methods under the name of today and the old one.
func register(service *Service, rules rules) http.Handler {
	server := rpc.NewServer()
	names := []string{protocol.OldService, protocol.Service}
	if len(rules.at("service", "", service.journal)) > 0 {
		names = names[:1]
	}
	for _, name := range names {
		if err := server.RegisterName(name, service); err != nil {
			panic(err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle(rpc.DefaultRPCPath, server)
	return mux
}

// announce prints the address line, or what the script wants in its place.
func announce(address string, faults []rule) {
	for _, fault := range faults {
		switch fault.Do {
		case "late":
			time.Sleep(fault.pause())
		case "none":
			return
		case "print":
			address = fault.Text
		}
	}
	fmt.Println(address)
}

func await(service *Service) {
	for {
		select {
		case <-service.closed:
			debug("Closing plugin on server side")
			service.journal.exit(0, "closed")
		case <-service.beats:
		case <-time.After(heartbeatLimit):
			service.journal.exit(1, "no heartbeat")
		}
	}
}
