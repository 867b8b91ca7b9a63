// A driver plugin of docker-machine on Go's own net/rpc, whose provider is a JSON file and whose faults are scripted.
// Its driver is called what the program is called: docker-machine-driver-NAME. Called docker-machine, it stands in for
// that program, which serves several drivers and is told which.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"godouble/protocol"
)

const builtIn = "amazonec2 azure digitalocean exoscale generic google hyperv none openstack rackspace softlayer " +
	"virtualbox vmwarefusion vmwarevcloudair vmwarevsphere"

func main() {
	program := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	asked := os.Getenv(protocol.TokenVariable) == protocol.Token
	name := strings.TrimPrefix(program, "docker-machine-driver-")
	if program == "docker-machine" {
		name = legacyName(asked)
	}
	if !asked {
		refuse()
	}
	serve(name)
}

// legacyName is which of its drivers the stand-in for docker-machine shall serve.
func legacyName(asked bool) string {
	if !asked {
		if len(os.Args) > 1 && (os.Args[1] == "--version" || os.Args[1] == "-v") {
			fmt.Println("docker-machine version 0.16.2, build double")
			os.Exit(0)
		}
		fmt.Fprintln(os.Stderr, "This stand-in for docker-machine serves drivers and has no commands.")
		os.Exit(1)
	}
	name := os.Getenv(protocol.DriverVariable)
	for _, known := range strings.Fields(setting("GODOUBLE_LEGACY_NAMES", builtIn)) {
		if known == name {
			return name
		}
	}
	fmt.Fprintf(os.Stderr, "Unsupported driver: %s\n", name)
	os.Exit(1)
	return ""
}

func refuse() {
	fmt.Fprintln(os.Stderr, "This is a Docker Machine plugin binary.")
	fmt.Fprintln(os.Stderr, "Plugin binaries are not intended to be invoked directly.")
	fmt.Fprintln(os.Stderr, "Please use this plugin through the main 'docker-machine' binary.")
	fmt.Fprintf(os.Stderr, "(API version: %d)\n", protocol.Version)
	os.Exit(1)
}

func setting(variable, otherwise string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}
