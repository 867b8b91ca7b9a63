// A host of docker-machine's driver plugins on Go's own net/rpc: it finds and starts a plugin, calls it as docker-machine
// does, and prints what came back, one JSON object a line.
//
//	plugin-host [OPTIONS] --driver NAME VERB [VERB...]
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// settings is what the command line says beside the verbs.
type settings struct {
	driver  string
	machine string
	store   string
	state   string
	silent  bool
	limit   time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.driver, "driver", "godouble", "driver's `NAME`")
	flag.StringVar(&s.machine, "machine", "m1", "machine's `NAME`")
	flag.StringVar(&s.store, "store", "", "`DIR` of the store")
	flag.StringVar(&s.state, "state", "", "`FILE` for the driver's JSON (in the machine's directory if not said)")
	flag.BoolVar(&s.silent, "no-heartbeat", false, "send no heartbeat")
	flag.DurationVar(&s.limit, "limit", 5*time.Minute, "end with status 3 after so long")
	flag.Usage = usage
	flag.Parse()
	if s.state == "" {
		s.state = filepath.Join(s.store, "machines", s.machine, "driver.json")
	}
	time.AfterFunc(s.limit, func() {
		show(result{"verb": "limit", "error": "not done within " + s.limit.String()})
		os.Exit(3)
	})
	os.Exit(perform(s, flag.Args()))
}

func usage() {
	fmt.Fprintln(os.Stderr, "Usage: plugin-host [OPTIONS] VERB [VERB...]")
	flag.PrintDefaults()
	fmt.Fprintln(os.Stderr, "Verbs: "+verbNames()+"\n  create takes the words with = that follow it as flag values")
}
